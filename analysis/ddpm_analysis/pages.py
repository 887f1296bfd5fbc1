"""Pages of HTML that hold all they need: figures as SVG inside the text, templates of Jinja, which escapes texts."""
import html
import io
import os
import re
import warnings

import matplotlib

from . import style
from .failures import optional
from .text_files import whole_file

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # it names addresses outside the page
POINTS_PER_PIXEL = 0.75


def inline_svg(figure, prefix, title):
    """A figure as an element <svg>, whose texts stay texts. `prefix` sets its names apart from those of the page's
    other figures; `title` is for those who do not see it."""
    buffer = io.StringIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "savefig.dpi": 150}):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # here; a browser has other fonts
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<!--.*?-->\s*|<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r'(<[^>]*?) id="([^"]+)"',
                  lambda match: match.group(1) + (f' id="{prefix}-{match.group(2)}"' if match.group(2) in used else ""),
                  text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r">\s*\n\s*<", "><", text)  # a browser would draw space between the parts of a formula
    width = figure.get_figwidth() * 72 / POINTS_PER_PIXEL
    head = f'<svg role="img" aria-label="{html.escape(title)}" style="max-width: {width:.0f}px"'
    text = re.sub(r'<svg(.*?) (?:width|height)="[^"]*pt"(.*?) (?:width|height)="[^"]*pt"', r"<svg\1\2", text, count=1)
    return text.replace("<svg", head, 1).replace("\n", " ")


class Figures:
    """Collects the figures of a page under names that are its own."""

    def __init__(self):
        self.count = 0

    def add(self, figure, title):
        self.count += 1
        return inline_svg(figure, f"f{self.count}", title)

    def axes(self, draw, title, width=4.6, height=2.8):
        """A figure of one panel; draw(axes) fills it."""
        figure = style.new_figure(width, height)
        draw(figure.subplots())
        return self.add(figure, title)


def write(path, template, **values):
    """Fill a template of this package."""
    jinja = optional("jinja2")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
    environment = jinja.Environment(loader=jinja.FileSystemLoader(folder), autoescape=True, trim_blocks=True,
                                    lstrip_blocks=True, undefined=jinja.StrictUndefined)
    text = environment.get_template(template).render(values)
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
