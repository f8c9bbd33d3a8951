"""Says where the released weights of a config are, checks the file that you have, and keeps it.

  python -m zoo.fetch_weights alexnet                                    says what is known of them
  python -m zoo.fetch_weights alexnet --from=bvlc_alexnet.caffemodel     checks its SHA-1 and keeps a copy
  python -m zoo.fetch_weights                                            lists all

Nothing is downloaded: read the licence, fetch the file from where its authors released it, and name it with --from.
Copies are kept in ~/.cache/caffe-zoo/weights, or where the environment variable ZOO_WEIGHTS says.
"""

import dataclasses
import pathlib

from absl import flags

from zoo import command, config_flag
from zoo.catalogue import weights_cards
from zoo.report import Report

FROM = flags.DEFINE_string("from", None, "The file that you have.")


def main(config=None):
    """Reads the flags, says or keeps."""
    cards = weights_cards.read(config_flag.next_to_configs(weights_cards.NAME))
    if config is None:
        width = max(map(len, cards))
        report = Report().text("\n".join(f"{name.ljust(width)}  {card.name}" for name, card in cards.items()))
        report.more["weights"] = [_facts(card) for card in cards.values()]
        return report.text("").then("look", "zoo.fetch_weights", next(iter(cards)))
    card = weights_cards.find(cards, config)
    if FROM.value is not None:
        path = weights_cards.store(card, FROM.value)
        report = Report(f"{card.name}: its SHA-1 is {card.sha1}, as released.").made("kept", path)
        report.more = _facts(card)
        return _use(report, card, path)
    kept = weights_cards.stored(card)
    report = Report(f"{card.name}, for --config={card.config}")
    report.more = _facts(card)
    report.row("released at", card.url).row("SHA-1", f"{card.sha1} ({card.sha1_in})")
    report.row("licence", f"{card.licence} ({card.licence_in})").row("kept here", kept or "no; fetch it, then keep it")
    if kept:
        return _use(report, card, kept)
    return report.then("keep", "zoo.fetch_weights", card.config, f"--from={card.name}")


def _facts(card):
    """Returns what is known of weights, as JSON has it."""
    return {**dataclasses.asdict(card), "kept": weights_cards.stored(card)}


def _use(report, card, path):
    name = pathlib.Path(card.name).stem
    return report.then(
        "convert", "zoo.convert", f"--config={card.config}", f"--weights={path}", f"--output={name}.onnx", "--verify"
    )


if __name__ == "__main__":
    command.run(main, arguments=1)
