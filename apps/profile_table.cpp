// Tables of a profile.
#include "apps/profile_table.h"

#include <algorithm>
#include <cstdio>

#include "apps/columns.h"
#include "core/error.h"
#include "core/file.h"

namespace tarn {
namespace {

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%10.4f", value);
  return value == 0 ? std::string(10, ' ') : buffer;
}

std::string table(const char* title, const std::vector<Profile::Row>& rows, int64_t steps, int64_t total,
                  size_t lines) {
  const double scale = 1e-6 / static_cast<double>(steps);
  const auto line = [&](const std::string& name, const Profile::Row& r) {
    char share[16], calls[24];
    std::snprintf(share, sizeof share, "%6.1f%%",
                  100.0 * static_cast<double>(r.total()) / static_cast<double>(std::max<int64_t>(total, 1)));
    std::snprintf(calls, sizeof calls, "%8.4g", static_cast<double>(r.calls) / static_cast<double>(steps));
    return padded(name, 34) + " " + calls + " " + number(scale * static_cast<double>(r.forward)) + " " +
           number(scale * static_cast<double>(r.backward)) + " " + number(scale * static_cast<double>(r.other)) + " " +
           share + "\n";
  };
  std::string out = padded(title, 34) + "    calls    forward   backward      other   share\n";
  Profile::Row rest;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i < lines) {
      out += line(rows[i].name, rows[i]);
      continue;
    }
    rest.forward += rows[i].forward;
    rest.backward += rows[i].backward;
    rest.other += rows[i].other;
    rest.calls += rows[i].calls;
  }
  if (rows.size() > lines) out += line(text(rows.size() - lines, " more"), rest);
  return out;
}

}  // namespace

std::string profile_table(const Profile& profile, int64_t steps, size_t lines) {
  const int64_t n = std::max<int64_t>(steps, 1);
  return text("milliseconds of one step, means of ", steps, "\n") +
         table("op", profile.by_op(), n, profile.total(), lines) + "\n" +
         table("layer", profile.by_layer(), n, profile.total(), lines);
}

std::string write_trace(const Profile& profile, const std::string& path) {
  write_file_atomically(path, chrome_trace(profile));
  const bool all = profile.events().size() < Profile::most_events;
  return text("profile: ", path, " (", profile.events().size(), all ? "" : ", the first,",
              " pieces of time; open it in chrome://tracing or ui.perfetto.dev)");
}

}  // namespace tarn
