// Laying out grids and writing them as SVG.
#include "apps/manual/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/manual/numbers.h"
#include "apps/report/chart.h"
#include "core/error.h"

namespace tarn {
namespace {

constexpr double drawing_margin = 14;
constexpr double most_width = 760;  // of a row of grids

/// Sizes of a kind of drawing.
struct Style {
  double cell_width = 50;
  double cell_height = 32;
  double title_height = 24;
  double gap = 26;
  double arrow = 40;
  bool text = true;
};

std::string drawn_number(double value) {
  return rounded(value, 6);
}

/// White, towards orange for positive values and blue for negative ones.
std::string colour(double shade) {
  const double share = std::min(1.0, std::abs(shade));
  const std::array<double, 3> full =
      shade > 0 ? std::array<double, 3>{240, 144, 48} : std::array<double, 3>{104, 162, 236};
  constexpr const char* digits = "0123456789abcdef";
  std::string out = "#";
  for (const double channel : full) {
    const auto level = static_cast<size_t>(std::lround(255 + (channel - 255) * share + 1e-6));
    out += digits[level / 16];
    out += digits[level % 16];
  }
  return out;
}

/// A grid in its place.
struct Placed {
  const DrawnGrid& grid;
  double x, y;
  Style style;

  int64_t rows() const {
    return (static_cast<int64_t>(grid.cells.size()) + grid.columns - 1) / std::max<int64_t>(1, grid.columns);
  }
  double width() const { return style.cell_width * static_cast<double>(grid.columns); }
  double width_with_title() const { return std::max(width(), 7.4 * static_cast<double>(grid.title.size())); }
  double height() const { return style.title_height + style.cell_height * static_cast<double>(rows()); }
  double left(int64_t column) const { return x + style.cell_width * static_cast<double>(column); }
  double top(int64_t row) const { return y + style.title_height + style.cell_height * static_cast<double>(row); }
  const DrawnCell* at(int64_t row, int64_t column) const {
    const int64_t i = row * grid.columns + column;
    const bool inside = row >= 0 && column >= 0 && column < grid.columns && i < static_cast<int64_t>(grid.cells.size());
    return inside ? &grid.cells[static_cast<size_t>(i)] : nullptr;
  }
};

/// Text in the middle of a box; long ones get smaller letters.
std::string fitted_words(const std::string& text, double x, double y, double room, double size) {
  const double fitting = room / (0.62 * static_cast<double>(std::max<size_t>(1, text.size())));
  const std::string smaller = fitting < size ? " font-size='" + drawn_number(std::floor(fitting * 2) / 2) + "'" : "";
  return "<text x='" + drawn_number(x) + "' y='" + drawn_number(y) + "'" + smaller + ">" + escaped(text) + "</text>";
}

std::string shades(const Placed& p) {
  std::string out = "<rect x='" + drawn_number(p.left(0)) + "' y='" + drawn_number(p.top(0)) + "' width='" +
                    drawn_number(p.width()) + "' height='" + drawn_number(p.height() - p.style.title_height) +
                    "' fill='#fff'/>";
  for (int64_t r = 0; r < p.rows(); ++r)
    for (int64_t c = 0; c < p.grid.columns; ++c) {
      const DrawnCell* cell = p.at(r, c);
      if (!cell || std::abs(cell->shade) < 0.004) continue;
      out += "<rect x='" + drawn_number(p.left(c)) + "' y='" + drawn_number(p.top(r)) + "' width='" +
             drawn_number(p.style.cell_width) + "' height='" + drawn_number(p.style.cell_height) + "' fill='" +
             colour(cell->shade) + "'/>";
    }
  return out;
}

std::string lines(const Placed& p) {
  std::string d;
  for (int64_t r = 0; r <= p.rows(); ++r)
    d += "M" + drawn_number(p.left(0)) + " " + drawn_number(p.top(r)) + "h" + drawn_number(p.width());
  for (int64_t c = 0; c <= p.grid.columns; ++c)
    d += "M" + drawn_number(p.left(c)) + " " + drawn_number(p.top(0)) + "v" + drawn_number(p.top(p.rows()) - p.top(0));
  return "<path stroke='#d0d7de' d='" + d + "'/>";
}

/// The border between what is outlined and what is not.
std::string contour(const Placed& p) {
  const auto in = [&p](int64_t r, int64_t c) {
    const DrawnCell* cell = p.at(r, c);
    return cell && cell->outlined;
  };
  std::string d;
  for (int64_t r = 0; r <= p.rows(); ++r)
    for (int64_t c = 0; c <= p.grid.columns; ++c) {
      if (in(r, c) != in(r - 1, c))
        d += "M" + drawn_number(p.left(c)) + " " + drawn_number(p.top(r)) + "h" + drawn_number(p.style.cell_width);
      if (in(r, c) != in(r, c - 1))
        d += "M" + drawn_number(p.left(c)) + " " + drawn_number(p.top(r)) + "v" + drawn_number(p.style.cell_height);
    }
  if (d.empty()) return "";
  return "<path stroke='#1f2328' stroke-width='" + drawn_number(p.style.text ? 2.4 : 1.6) +
         "' stroke-linecap='square' fill='none' d='" + d + "'/>";
}

std::string cell_words(const Placed& p, bool faint) {
  std::string values;
  std::string notes;
  for (int64_t r = 0; r < p.rows(); ++r)
    for (int64_t c = 0; c < p.grid.columns; ++c) {
      const DrawnCell* cell = p.at(r, c);
      if (!cell || cell->faint != faint) continue;
      const double x = p.left(c) + p.style.cell_width / 2;
      const double y = p.top(r) + p.style.cell_height / 2 + (cell->note.empty() ? 4.5 : -2);
      const double room = p.style.cell_width - 6;
      if (!cell->value.empty()) values += fitted_words(cell->value, x, y, room, 13);
      if (!cell->note.empty()) notes += fitted_words(cell->note, x, y + 14.5, room, 11);
    }
  const std::string fill = faint ? "<g fill='#8c959f'>" : "<g fill='#1f2328'>";
  std::string out;
  if (!values.empty()) out += fill + values + "</g>";
  if (!notes.empty()) out += "<g font-size='11' fill='#3d444d'>" + notes + "</g>";
  return out;
}

std::string arrow(double x, double y, double length) {
  return "<path stroke='#57606a' stroke-width='1.6' fill='none' d='M" + drawn_number(x) + " " + drawn_number(y) + "h" +
         drawn_number(length) + "m-6 -5l6 5l-6 5'/>";
}

/// Rows of grids, and how large they are together.
struct Layout {
  std::vector<Placed> placed;
  double width = 0, height = 0;

  Layout(const std::vector<DrawnGrid>& grids, const Style& style) {
    double x = drawing_margin;
    double y = drawing_margin;
    double row_height = 0;
    for (const DrawnGrid& grid : grids) {
      Placed p{grid, x, y, style};
      for (const DrawnCell& cell : grid.cells)
        if (style.text && !cell.note.empty()) p.style.cell_height = 42;
      p.style.title_height = grid.title.empty() ? 0 : style.title_height;
      double before = grid.arrow ? style.arrow : 0;
      if (p.x > drawing_margin && p.x + before + p.width_with_title() > most_width) {
        before = 0;
        p.x = drawing_margin;
        y += row_height + style.gap;
        row_height = 0;
      }
      p.x += before;
      p.y = y;
      x = p.x + p.width_with_title() + style.gap;
      row_height = std::max(row_height, p.height());
      width = std::max(width, p.x + p.width_with_title());
      placed.push_back(p);
    }
    width += drawing_margin;
    height = y + row_height + drawing_margin;
  }
};

std::string frame(const std::string& label, const Layout& layout, const std::string& content) {
  return "<svg xmlns='http://www.w3.org/2000/svg' width='" + drawn_number(layout.width) + "' height='" +
         drawn_number(layout.height) + "' viewBox='0 0 " + drawn_number(layout.width) + " " +
         drawn_number(layout.height) + "' role='img' aria-label='" + escaped(label) +
         "'>\n<rect x='.5' y='.5' width='" + drawn_number(layout.width - 1) + "' height='" +
         drawn_number(layout.height - 1) + "' rx='8' fill='#f6f8fa' stroke='#d0d7de'/>\n" + content + "</svg>\n";
}

}  // namespace

std::string drawing(const std::string& label, const std::vector<DrawnGrid>& grids) {
  const Style style;
  const Layout layout(grids, style);
  std::string out = "<g font-family='DejaVu Sans,Verdana,sans-serif' font-size='13' text-anchor='middle'>\n";
  for (const Placed& p : layout.placed) {
    out += shades(p) + lines(p) + contour(p) + cell_words(p, true) + cell_words(p, false);
    if (!p.grid.title.empty())
      out += "<text x='" + drawn_number(p.x) + "' y='" + drawn_number(p.y + 13) +
             "' fill='#57606a' font-size='12' text-anchor='start'>" + escaped(p.grid.title) + "</text>";
    if (p.grid.arrow && p.x > drawing_margin + style.arrow)
      out += arrow(p.x - style.arrow - style.gap / 2 + 6, (p.top(0) + p.top(p.rows())) / 2, style.arrow - 4);
    out += "\n";
  }
  return frame(label, layout, out + "</g>\n");
}

std::string thumbnail(const std::string& label, const std::vector<DrawnGrid>& grids) {
  size_t rows = 1;
  for (const DrawnGrid& grid : grids)
    rows = std::max(rows, grid.cells.size() / static_cast<size_t>(std::max<int64_t>(1, grid.columns)));
  Style style;
  style.cell_width = style.cell_height = std::clamp(60.0 / static_cast<double>(rows), 8.0, 12.0);
  style.title_height = 0;
  style.gap = 5;
  style.text = false;
  std::vector<DrawnGrid> bare = grids;
  for (DrawnGrid& grid : bare) grid.title.clear();
  const Layout layout(bare, style);
  std::string out;
  for (const Placed& p : layout.placed) out += shades(p) + lines(p) + contour(p) + "\n";
  return "<svg xmlns='http://www.w3.org/2000/svg' width='" + drawn_number(layout.width - 2 * drawing_margin + 4) +
         "' height='" + drawn_number(layout.height - 2 * drawing_margin + 4) + "' viewBox='" +
         drawn_number(drawing_margin - 2) + " " + drawn_number(drawing_margin - 2) + " " +
         drawn_number(layout.width - 2 * drawing_margin + 4) + " " +
         drawn_number(layout.height - 2 * drawing_margin + 4) + "' role='img' aria-label='" + escaped(label) + "'>\n" +
         out + "</svg>\n";
}

}  // namespace tarn
