// The head of HTML pages, with the style for light and dark screens.
#include "apps/report/page.h"

#include "apps/report/chart.h"

namespace tarn {

namespace {

// Colours are channels, so that rgb(var(--a) / share) shades them.
constexpr const char* page_style = R"css(
:root { color-scheme: light dark; --ink: 28 36 48; --soft: 92 103 115; --line: 217 223 229; --page: 255 255 255;
  --card: 246 248 250; --a: 11 107 203; --b: 194 65 12; }
@media (prefers-color-scheme: dark) { :root { --ink: 230 233 236; --soft: 154 165 177; --line: 51 59 68;
  --page: 20 24 29; --card: 28 34 41; --a: 90 169 245; --b: 245 158 90; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 1240px; font: 15px/1.5 system-ui, sans-serif;
  color: rgb(var(--ink)); background: rgb(var(--page)); overflow-wrap: anywhere; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 36px 0 10px; }
p.note { color: rgb(var(--soft)); margin: 0 0 12px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 20px 0; }
.figure { background: rgb(var(--card)); border: 1px solid rgb(var(--line)); border-radius: 10px; padding: 10px 16px; }
.figure b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figure span { color: rgb(var(--soft)); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 16px; }
svg { width: 100%; height: auto; background: rgb(var(--card)); border: 1px solid rgb(var(--line));
  border-radius: 10px; }
svg .g { stroke: rgb(var(--line)); }
svg .m { stroke: rgb(var(--soft)); stroke-width: 1.5; stroke-dasharray: 3 4; }
svg .t { font-size: 12px; fill: rgb(var(--soft)); }
svg .h { font-size: 14px; font-weight: 600; fill: rgb(var(--ink)); }
svg path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
svg circle { fill: currentColor; }
svg .hidden circle { opacity: 0; }
svg .hidden circle:hover { opacity: 1; }
.pair { display: flex; flex-wrap: wrap; column-gap: 48px; }
.pair > section { max-width: 100%; }
.pair > .grow { flex: 1 1 400px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; overflow-wrap: normal; }
th, td { padding: 3px 10px; border-bottom: 1px solid rgb(var(--line)); text-align: right; white-space: nowrap; }
th { color: rgb(var(--soft)); font-weight: 600; }
table.model .l { text-align: left; }
table.model .none { color: rgb(var(--soft)); }
table.confusion { font-size: 13px; }
table.confusion td { text-align: center; min-width: 34px; height: 30px; padding: 0 6px;
  border: 1px solid rgb(var(--page)); background: rgb(var(--card)); }
table.confusion th { padding: 3px 8px; border: 0; }
table.confusion thead th { text-align: center; }
table.confusion .right { background: rgb(var(--a) / var(--p)); }
table.confusion .wrong { background: rgb(var(--b) / var(--p)); }
table.confusion .share { background: none; color: rgb(var(--soft)); text-align: right; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); gap: 14px 12px; }
.mistakes figure { margin: 0; font-size: 13px; line-height: 1.35; }
.mistakes img { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; display: block;
  border: 1px solid rgb(var(--line)); border-radius: 6px; background: #000; margin-bottom: 4px; }
.mistakes span { color: rgb(var(--soft)); }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); gap: 16px; }
.worst.single { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
.worst figure { margin: 0; font-size: 13px; }
.worst .row { display: flex; gap: 4px; }
.worst .over { position: relative; flex: 1; min-width: 0; }
.worst img { width: 100%; image-rendering: pixelated; display: block; border-radius: 4px; background: #000; }
.worst svg { position: absolute; inset: 0; height: 100%; background: none; border: 0; }
.worst span { color: rgb(var(--soft)); }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px;
  border: 1px solid rgb(var(--line)); }
summary { cursor: pointer; font-size: 18px; font-weight: 600; margin: 36px 0 10px; }
pre { background: rgb(var(--card)); border: 1px solid rgb(var(--line)); border-radius: 10px; padding: 12px 16px;
  overflow-x: auto; font-size: 13px; overflow-wrap: normal; }
)css";

}  // namespace

std::string page_head(const std::string& title) {
  const std::string text = escaped(title);
  return "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
         "content='width=device-width,initial-scale=1'><title>" +
         text + " – Tarn</title><style>" + page_style + "</style><h1>" + text + "</h1>";
}

}  // namespace tarn
