// Parsing the command line, the table of commands, and the one place where errors become exit codes.
#include "apps/cli.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>

#include "apps/columns.h"
#include "core/build.h"
#include "core/parallel.h"

namespace tarn {

namespace {

std::vector<std::unique_ptr<Command>>& commands() {
  static std::vector<std::unique_ptr<Command>> all;
  return all;
}

template <class T>
void read_number(const std::string& flag, const std::string& text, T& target) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc{} && end == text.data() + text.size(), flag, ": '", text, "' is not ",
        std::is_same_v<T, double> ? "a number" : "a whole number", "; write for example ", flag, " 2");
  target = value;
}

}  // namespace

Cli::Cli(std::string command, std::string usage, std::string about)
    : command_(std::move(command)), usage_(std::move(usage)), about_(std::move(about)) {}

Cli& Cli::flag(std::string name, Target target, std::string doc, std::string value) {
  flags_.push_back({std::move(name), std::move(doc), std::move(value), target});
  return *this;
}

Cli& Cli::words(std::vector<std::string>& target, int least, int most, std::string doc) {
  words_ = &target;
  least_ = least;
  most_ = most;
  words_doc_ = std::move(doc);
  return *this;
}

const Cli::Flag& Cli::find(const std::string& name) const {
  std::vector<std::string> names{"--help"};
  for (const Flag& f : flags_) {
    if (f.name == name) return f;
    names.push_back(f.name);
  }
  fail(command_, ": unknown flag '", name, "'", did_you_mean(name, names), " ('tarn ", command_,
       " --help' lists them)");
}

void Cli::set(const Flag& f, const std::string& value) const {
  if (auto* const* number = std::get_if<int64_t*>(&f.target)) return read_number(f.name, value, **number);
  if (auto* const* number = std::get_if<double*>(&f.target)) return read_number(f.name, value, **number);
  if (auto* const* word = std::get_if<std::string*>(&f.target)) {
    **word = value;
    return;
  }
  std::get<std::vector<std::string>*>(f.target)->push_back(value);
}

bool Cli::parse(std::span<const std::string> arguments) {
  std::vector<std::string> found;
  bool only_words = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string word = arguments[i];
    if (only_words || word.size() < 2 || word[0] != '-') {
      found.push_back(word);
      continue;
    }
    if (word == "--") {
      only_words = true;
      continue;
    }
    if (word == "--help" || word == "-h") {
      std::fputs(help().c_str(), stdout);
      return false;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Flag& f = find(name);
    if (auto* const* on = std::get_if<bool*>(&f.target)) {
      check(equals == std::string::npos, name, ": takes no value, got '", word.substr(equals + 1), "'");
      **on = true;
    } else if (equals != std::string::npos) {
      set(f, word.substr(equals + 1));
    } else {
      check(i + 1 < arguments.size(), name, ": needs a value: ", name, " ", f.value);
      set(f, arguments[++i]);
    }
  }
  const int n = static_cast<int>(found.size());
  check(n >= least_, command_, ": ", words_doc_, " is missing; usage: tarn ", command_, " ", usage_);
  check(most_ < 0 || n <= most_, command_, ": does not know what to do with '", n ? found.back() : "",
        "'; usage: tarn ", command_, " ", usage_);
  if (words_) *words_ = std::move(found);
  return true;
}

std::string Cli::help() const {
  std::string out = "usage: tarn " + command_ + (usage_.empty() ? "" : " ") + usage_ + "\n\n" + about_ + "\n";
  size_t width = 6;
  for (const Flag& f : flags_) width = std::max(width, f.name.size() + (f.value.empty() ? 0 : 1 + f.value.size()));
  out += "\nflags:\n";
  for (const Flag& f : flags_)
    out += "  " + padded(f.name + (f.value.empty() ? "" : " " + f.value), width) + "  " + f.doc + "\n";
  return out + "  " + padded("--help", width) + "  this text\n";
}

const Command& add_command(int order, std::string name, std::string doc,
                           std::function<int(std::span<const std::string>)> run) {
  auto row = std::make_unique<Command>(Command{std::move(name), std::move(doc), order, std::move(run)});
  commands().push_back(std::move(row));
  return *commands().back();
}

std::vector<const Command*> all_commands() {
  std::vector<const Command*> all;
  for (const auto& row : commands()) all.push_back(row.get());
  std::sort(all.begin(), all.end(), [](const Command* a, const Command* b) { return a->order < b->order; });
  return all;
}

void use_threads(int64_t n) {
  check(n >= 0 && n <= 1024, "--threads: ", n, " is outside [1, 1024]");
  if (n > 0) set_threads(static_cast<int>(n));
}

namespace {

std::string program_help() {
  std::string out =
      "Tarn trains neural networks that one JSON file describes, on the CPU, and shows how it is done.\n\n"
      "usage: tarn COMMAND [ARGUMENTS]\n\ncommands:\n";
  for (const Command* c : all_commands()) out += "  " + padded(c->name, 15) + c->doc + "\n";
  return out +
         "\nfirst steps:\n"
         "  tarn train                         train the built-in digits classifier, then open its report.html\n"
         "  tarn summary digits                look at its layers and their sizes\n"
         "  tarn layers Conv2d                 what a layer of a config takes\n"
         "  tarn train my.json --epochs 5      train a config of your own\n"
         "  tarn COMMAND --help                flags and examples of one command\n";
}

// Each line of a message is an error of its own, so that a reader and a program find them alike.
void print_error(std::string_view message) {
  while (!message.empty()) {
    const size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    if (!line.empty()) std::fprintf(stderr, "tarn: error: %.*s\n", static_cast<int>(line.size()), line.data());
    if (end == std::string_view::npos) break;
    message.remove_prefix(end + 1);
  }
}

int dispatch_command(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    std::fputs(program_help().c_str(), arguments.empty() ? stderr : stdout);
    return arguments.empty() ? 2 : 0;
  }
  if (arguments[0] == "--version") {
    std::printf("tarn %s\n", TARN_VERSION);
    return 0;
  }
  std::vector<std::string> names;
  for (const Command* c : all_commands()) {
    if (c->name == arguments[0]) return c->run(arguments.subspan(1));
    names.push_back(c->name);
  }
  fail("unknown command '", arguments[0], "'", did_you_mean(arguments[0], names), " ('tarn --help' lists them)");
}

}  // namespace

int run_program(std::span<const std::string> arguments) {
  try {
    const int status = dispatch_command(arguments);
    if (std::fflush(stdout) != 0) throw Failure("standard output: cannot be written; is the disk full?");
    return status;
  } catch (const Failure& error) {
    print_error(error.what());
    return 1;
  } catch (const std::bad_alloc&) {
    print_error("out of memory; use a smaller batch or model");
    return 1;
  } catch (const std::exception& error) {
    print_error(error.what());
    return 2;
  }
}

}  // namespace tarn
