"""The style sheet of the page of a description. It has the colours and rules of `pages/palette.py`, and no others."""

from __future__ import annotations

from fanlight.pages.drawing import COLOURS
from fanlight.pages.palette import CONTROLS, FOUNDATION, MONO, SANS, custom_properties

_NAMES = (
    *("paper", "raised", "code", "glow", "ink", "quiet", "line", "edge", "link", "accent", "good", "warn", "bad"),
    *("good-tint", "warn-tint", "bad-tint", "emerald", "sky", "amber", "ruby", "violet"),
    *("emerald-tint", "sky-tint", "amber-tint", "ruby-tint", "violet-tint", *COLOURS),
)
STYLE = f"""
{custom_properties(_NAMES)}{FOUNDATION}{CONTROLS}\
body {{ font-size: .9375rem; line-height: 1.55 }}
header {{ display: flex; flex-wrap: wrap; align-items: center; gap: .75rem 1.5rem; padding: 1.5rem;
  border-bottom: 1px solid var(--line);
  background: radial-gradient(24rem 12rem at 5rem 0, var(--glow), var(--paper)) no-repeat var(--paper) }}
header svg {{ width: 4.5rem; height: auto }}
header div {{ flex: 1 1 16rem }}
header small {{ color: var(--quiet); font: 400 1.0625rem {SANS} }}
.layout {{ display: grid; grid-template-columns: minmax(0, 1fr) }}
nav {{ padding: 1rem 1.5rem; border-bottom: 1px solid var(--line) }}
nav input {{ width: 100% }}
nav ul, .plain {{ list-style: none; padding: 0 }}
nav [data-group] {{ display: none }}
nav ul {{ margin-top: .5rem }}
nav h2, nav a {{ font-size: .8125rem }}
nav h2 {{ margin-top: 1rem; color: var(--quiet) }}
nav a {{ display: flex; align-items: baseline; gap: .5rem; padding: .25rem 0; color: var(--ink); text-decoration: none;
  overflow-wrap: anywhere }}
nav a:hover {{ text-decoration: underline }}
main {{ padding: 1.5rem; max-width: 62rem; min-width: 0 }}
section {{ margin-bottom: 3rem }}
section > h2 {{ margin-bottom: 1rem }}
h3 {{ margin: 1.5rem 0 .5rem; font: 600 .9375rem/1.4 {SANS} }}
p, .text {{ max-width: 42rem }}
.text {{ white-space: pre-line }}
.quiet {{ color: var(--quiet) }}
details.operation, details.schema {{ margin-bottom: .5rem; border: 1px solid var(--line); border-radius: 3px;
  background: var(--raised) }}
details > summary {{ padding: .5rem .75rem; overflow-wrap: anywhere }}
details.operation > summary {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem }}
details.operation > summary > code {{ font-weight: 600 }}
details.operation[open] > summary, details.schema[open] > summary {{ border-bottom: 1px solid var(--line) }}
.inside {{ padding: .75rem }}
.method {{ flex: none; min-width: 4.25rem; padding: 0 .5rem; border-radius: 3px; text-align: center;
  font: 600 .8125rem/1.7 {MONO}; color: var(--violet); background: var(--violet-tint) }}
.get {{ color: var(--sky); background: var(--sky-tint) }}
.post {{ color: var(--emerald); background: var(--emerald-tint) }}
.put, .patch {{ color: var(--amber); background: var(--amber-tint) }}
.delete {{ color: var(--ruby); background: var(--ruby-tint) }}
.gone summary code {{ text-decoration: line-through }}
.need {{ color: var(--bad); font: 600 .8125rem {SANS} }}
.wide {{ overflow-x: auto }}
td {{ min-width: 5rem; overflow-wrap: anywhere }}
table {{ width: 100% }}
th[scope=row] {{ font-size: .9375rem; color: var(--ink); white-space: nowrap }}
pre {{ max-height: 24rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere }}
form {{ margin-top: 1.5rem; padding: .75rem; border: 1px solid var(--edge); border-radius: 3px }}
form h3 {{ margin-top: 0 }}
.inside > * + .fields {{ margin-top: .75rem }}
.fields {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: .75rem }}
label {{ display: block; font-size: .8125rem; font-weight: 600; color: var(--quiet) }}
label input, label select, label textarea {{ width: 100%; font-weight: 400; font-size: .9375rem }}
textarea {{ min-height: 10rem; font-family: {MONO}; line-height: 1.5 }}
form > p {{ margin-top: .75rem }}
output {{ display: block; margin-top: .75rem }}
.status {{ display: inline-block; padding: 0 .5rem; border-radius: 3px; font-weight: 600 }}
.status.good {{ color: var(--good); background: var(--good-tint) }}
.status.warn {{ color: var(--warn); background: var(--warn-tint) }}
.status.bad {{ color: var(--bad); background: var(--bad-tint) }}
output pre {{ margin-top: .5rem }}
[hidden] {{ display: none !important }}
@media (min-width: 60rem) {{
  .layout {{ grid-template-columns: 19rem minmax(0, 1fr) }}
  nav {{ position: sticky; top: 0; height: 100vh; overflow: auto; border: 0; border-right: 1px solid var(--line) }}
  nav [data-group] {{ display: block }}
}}
"""
