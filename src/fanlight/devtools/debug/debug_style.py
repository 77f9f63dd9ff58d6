"""The style sheet of the debug page, made of the palette.

The exception and its hint stand on a tinted ground over the whole width; below, the frames on the left and the request
on the right, one above the other on a narrow screen. Lines of source have the width of the window, not of text.
"""

from __future__ import annotations

from fanlight.pages.palette import CONTROLS, FOUNDATION, MONO, SANS, custom_properties

STYLE = f"""
{custom_properties()}{FOUNDATION}{CONTROLS}
body{{font-size:.9375rem;overflow-wrap:anywhere}}
header,main,footer{{padding:0 max(1.25rem,calc(50vw - 48rem))}}
header{{background:var(--raised);border-bottom:1px solid var(--line);padding-top:1.5rem;padding-bottom:1.5rem}}
.way{{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;color:var(--quiet);font-size:.8125rem}}
.way code{{color:var(--ink);font-size:.875rem}}
.way a{{margin-left:auto}}
h1{{margin-top:1rem;max-width:60rem}}
h1.long{{font:600 1.3125rem/1.4 {SANS};text-wrap:initial}}
h1 code{{font-size:.88em}}
h1 small{{display:block;margin-bottom:.5rem;color:var(--bad);font:600 1.0625rem/1.3 {MONO};letter-spacing:0}}
.more{{margin-top:1rem;max-width:60rem;white-space:pre-wrap;color:var(--quiet);max-height:16rem;overflow:auto}}
.hint{{margin-top:1rem;max-width:60rem;padding:.75rem 1rem;border-left:4px solid var(--accent);\
background:var(--warn-tint);white-space:pre-wrap}}
.actions{{margin-top:1.5rem;display:flex;flex-wrap:wrap;gap:.75rem;align-items:center}}
main{{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,25rem);gap:2rem 3rem;padding-top:2rem;\
padding-bottom:3rem;align-items:start}}
@media (max-width:62rem){{main{{grid-template-columns:minmax(0,1fr)}}}}
h2{{margin:2rem 0 .75rem;overflow-wrap:anywhere}}
main>div>h2:first-child,aside h2:first-child{{margin-top:0}}
h2 small{{display:block;color:var(--quiet);font:400 .8125rem/1.5 {SANS}}}
h2 code{{color:var(--bad);font-size:1em}}
.frame{{margin:0 0 1rem;border:1px solid var(--line);background:var(--raised)}}
.frame>summary,.frame>h3{{padding:.5rem 1rem;font:400 .9375rem/1.6 {SANS}}}
.frame h3 b{{font:600 .9375rem/1.6 {MONO}}}
.frame h3 span{{color:var(--quiet)}}
.source{{padding:.5rem 0;border-width:1px 0;font-size:.8125rem;line-height:1.6;overflow-x:auto}}
.source:last-child{{border-bottom:0}}
.source span{{white-space:pre}}
.line{{display:block;min-width:fit-content;padding-right:1rem;border-left:4px solid transparent}}
.line.current{{background:var(--bad-tint);border-color:var(--bad)}}
.line i{{display:inline-block;width:3.25rem;padding-right:1rem;color:var(--quiet);font-style:normal;\
text-align:right;user-select:none;font-variant-numeric:tabular-nums}}
.current i{{color:var(--ink);font-weight:600}}
.mark{{text-decoration:underline 2px var(--bad);text-underline-offset:.25em;font-weight:600}}
.keyword{{color:var(--violet)}}.string{{color:var(--emerald)}}.number{{color:var(--sky)}}
.comment{{color:var(--quiet)}}.defined{{color:var(--amber)}}
.frame details summary{{padding:.5rem 1rem;color:var(--quiet);font-size:.8125rem}}
table{{width:100%;table-layout:fixed;font-size:.8125rem}}
tr:last-child>*{{border-bottom:0}}
th{{width:30%;padding-left:1rem;color:var(--ink);font:600 .8125rem/1.5 {MONO};overflow-wrap:anywhere}}
th small{{display:block;color:var(--quiet);font:400 .75rem/1.4 {SANS}}}
td{{font:.8125rem/1.5 {MONO};white-space:pre-wrap;overflow-wrap:anywhere}}
.frame table{{border-top:1px solid var(--line)}}
.value{{display:block;max-height:12rem;overflow:auto}}
.fold{{margin:0 0 1rem;color:var(--quiet);font-size:.8125rem}}
.fold summary{{padding:.25rem 0}}
.fold ul{{padding:.25rem 0 .25rem 1.25rem}}
.fold li{{padding:.25rem 0;overflow-wrap:anywhere}}
.fold li code{{color:var(--ink)}}
.group{{margin:0 0 1rem;padding-left:1rem;border-left:4px solid var(--line)}}
.group>summary{{margin-bottom:.75rem;font-weight:600}}
aside h2{{font-size:1.0625rem}}
aside th{{width:38%}}
aside table{{border:1px solid var(--line);background:var(--raised)}}
#text{{margin-top:.75rem;max-height:30rem;overflow:auto;font-size:.8125rem;white-space:pre-wrap}}
.as-text{{margin-top:1rem}}
footer{{padding-top:1rem;padding-bottom:2rem;color:var(--quiet);font-size:.8125rem}}
"""
