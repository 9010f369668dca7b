"""The page of a report: one HTML file with its style inside, light, dark and on paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CSS = """
:root{color-scheme:light dark;
--font:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
--paper:#fff;--card:#f6f8fa;--ink:#1b2733;--muted:#5a6875;--rule:#dde3e9;
--blue:#0072b2;--red:#c24f00;--amber:#e69f00;--green:#009e73}
@media (prefers-color-scheme:dark){:root{--paper:#12181f;--card:#1b232c;--ink:#e6ebf0;--muted:#9aa8b5;--rule:#2d3844;
--blue:#56b4e9;--red:#ff8a3d;--amber:#f0b429;--green:#2cc295}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--muted:#444;--rule:#ccc;
--blue:#0072b2;--red:#c24f00;--amber:#e69f00;--green:#009e73}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--font)}
main{max-width:1060px;margin:0 auto;padding:2.2rem 1.4rem 3rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:2.6rem 0 .5rem;padding-top:.9rem;border-top:1px solid var(--rule)}
p{margin:.4rem 0 .9rem;max-width:46em}
.lede,.note,figcaption{color:var(--muted)}
.note,figcaption{font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(124px,1fr));gap:.7rem;margin:1.4rem 0 .4rem;padding:0}
.tiles div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.65rem .85rem .6rem}
.tiles dt{color:var(--muted);font-size:.8rem}
.tiles dd{margin:.05rem 0 0;font-size:1.3rem;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}
figure{margin:.9rem 0 1.2rem;overflow-x:auto}
figure svg{display:block;width:100%;min-width:640px;height:auto}
.scroll{overflow-x:auto}
table+.scroll{margin-top:1.2rem}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.38rem .7rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--muted);font-weight:600}
th.text,td.text{text-align:left}
td.words{white-space:normal;min-width:15em}
td.wrap{white-space:normal;overflow-wrap:anywhere}
code{font:.85em ui-monospace,"SFMono-Regular","DejaVu Sans Mono",monospace}
.half{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:0 2.2rem}
footer{margin-top:2.6rem;padding-top:.8rem;border-top:1px solid var(--rule);color:var(--muted);font-size:.8rem}
@media print{html{font-size:10.5pt}main{padding:0}
figure,tr,.tiles{break-inside:avoid}h2,.note{break-after:avoid}h2{margin-top:1.6rem}
.tiles{grid-template-columns:repeat(7,1fr);gap:.3rem}.tiles dd{font-size:1rem}.tiles div{padding:.4rem .5rem}
.scroll,figure{overflow:visible}figure svg{min-width:0}table{font-size:.72rem}th,td{padding:.25rem .4rem}}
"""


def document(title: str, lede: str, sections: Iterable[str], footer: str) -> str:
    """Put sections together into one self-contained page.

    Parameters
    ----------
    title, lede, footer : str
        Plain text; escaped here.
    sections : iterable of str
        HTML made by the functions of this module.

    Examples
    --------
    >>> document("Run", "all well", [], "atomloom").startswith("<!doctype html>")
    True
    """
    body = "\n".join(sections)
    style = _CSS.strip().replace("\n", "")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lede">{escape(lede)}</p>\n{body}\n'
        f"<footer>{escape(footer)}</footer>\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *parts: str, note: str = "") -> str:
    r"""Head a group of figures and tables.

    Examples
    --------
    >>> section("Events", "<p>none</p>")
    '<section>\n<h2>Events</h2>\n<p>none</p>\n</section>'
    """
    said = [f'<p class="note">{escape(note)}</p>'] if note else []
    return "\n".join(["<section>", f"<h2>{escape(title)}</h2>", *said, *parts, "</section>"])


def figure(svg: str, caption: str = "") -> str:
    """Frame an inline SVG.

    Examples
    --------
    >>> figure("<svg></svg>")
    '<figure><svg></svg></figure>'
    """
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{svg}{said}</figure>"


def tiles(facts: Sequence[tuple[str, str]]) -> str:
    """Show the few numbers that matter most.

    Examples
    --------
    >>> tiles([("trades", "500,000")])
    '<dl class="tiles"><div><dt>trades</dt><dd>500,000</dd></div></dl>'
    """
    inner = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="tiles">{inner}</dl>'


def table(
    header: Sequence[str], rows: Iterable[Sequence[Any]], text: Sequence[int] = (0,), wrap: Sequence[int] = ()
) -> str:
    """Lay out a table; columns numbered in ``text`` are words (left), the others numbers (right).

    Words of columns in ``wrap`` take several lines where they are long.

    Examples
    --------
    >>> table(["stage", "s"], [("read", 0.5)]).count("<tr>")
    2
    """

    def row(tag: str, cells: Sequence[Any]) -> str:
        kinds = ["text words" if number in wrap else "text" if number in text else "" for number in range(len(cells))]
        marks = [f' class="{kind}"' if kind else "" for kind in kinds]
        return (
            "<tr>" + "".join(f"<{tag}{m}>{escape(str(c))}</{tag}>" for m, c in zip(marks, cells, strict=True)) + "</tr>"
        )

    body = "".join(row("td", cells) for cells in rows)
    return f'<div class="scroll"><table><thead>{row("th", header)}</thead><tbody>{body}</tbody></table></div>'


def pairs(rows: Iterable[tuple[str, Any]]) -> str:
    """Lay out names and their values, values wrapping where they are long; None and "" are "not set".

    Examples
    --------
    >>> pairs([("seed", 0)])
    '<table><tbody><tr><th class="text">seed</th><td class="text wrap">0</td></tr></tbody></table>'
    """
    said = [(name, "not set" if value in (None, "") else str(value)) for name, value in rows]
    body = "".join(
        f'<tr><th class="text">{escape(name)}</th><td class="text wrap">{escape(value)}</td></tr>'
        for name, value in said
    )
    return f"<table><tbody>{body}</tbody></table>"
