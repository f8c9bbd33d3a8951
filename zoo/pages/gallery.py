"""The page of zoo.gallery: what a net has learned, section by section, all its images inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.images import files
from zoo.pages import page


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: of its file, without the ending; also where links go.
        title: its heading.
        text: what is to be seen, for a reader who sees it for the first time.
        command: what makes the same image alone.
        image: uint8 (H, W, 3); None where there is none.
        why: why there is none.
    """

    name: str
    title: str
    text: str
    command: str = ""
    image: np.ndarray | None = None
    why: str = ""


def gallery_page(title: str, intro: str, sections: Sequence[Section]) -> str:
    """Returns the text of the page.

    Args:
        title: its title.
        intro: one paragraph below it, plain text.
        sections: in order.
    """
    links = " · ".join(f'<a href="#{page.text(each.name)}">{page.text(each.title)}</a>' for each in sections)
    parts = ["<main>", f"<h1>{page.text(title)}</h1>", f"<p>{page.text(intro)}</p>", f'<p class="soft">{links}</p>']
    for each in sections:
        parts += [f'<section id="{page.text(each.name)}">', f"<h2>{page.text(each.title)}</h2>"]
        parts.append(f"<p>{page.text(each.text)}</p>")
        if each.image is None:
            parts.append(f'<p class="soft">Left out: {page.text(each.why)}</p>')
        else:
            source, (height, width) = page.png(files.png(each.image)), each.image.shape[:2]
            said = page.text(each.title)
            parts.append(f'<figure class="sheet"><img src="{source}" width="{width}" height="{height}" alt="{said}">')
            parts.append(f"<figcaption>{each.name}.png</figcaption></figure>")
            parts.append(f"<pre>{page.text(each.command)}</pre>")
        parts.append("</section>")
    return page.page(title, "\n".join([*parts, "</main>"]), styles=("gallery.css",))
