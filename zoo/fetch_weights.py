"""Says where the released weights of a config are, checks the file that you have, and keeps it.

  python -m zoo.fetch_weights alexnet                                    says what is known of them
  python -m zoo.fetch_weights alexnet --from=bvlc_alexnet.caffemodel     checks its SHA-1 and keeps a copy
  python -m zoo.fetch_weights                                            lists all

Nothing is downloaded: read the licence, fetch the file from where its authors released it, and name it with --from.
Copies are kept in ~/.cache/caffe-zoo/weights, or where the environment variable ZOO_WEIGHTS says.
"""

from absl import flags

from zoo import command, config_flag
from zoo.catalogue import weights_cards

FROM = flags.DEFINE_string("from", None, "The file that you have.")


def main(config=None):
    """Reads the flags, says or keeps."""
    cards = weights_cards.read(config_flag.next_to_configs(weights_cards.NAME))
    if config is None:
        width = max(map(len, cards))
        return command.printed("\n".join(f"{name.ljust(width)}  {card.name}" for name, card in cards.items()))
    card = weights_cards.find(cards, config)
    if FROM.value is not None:
        path = weights_cards.store(card, FROM.value)
        return command.printed(f"{path}: SHA-1 {card.sha1}, as released")
    return command.printed("\n".join(_lines(card)))


def _lines(card):
    yield f"{card.name}, for --config={card.config}"
    yield f"  released at: {card.url}"
    yield f"  SHA-1:       {card.sha1} ({card.sha1_in})"
    yield f"  licence:     {card.licence} ({card.licence_in})"
    kept = weights_cards.stored(card)
    yield f"  kept here:   {kept or f'no; fetch it, then python -m zoo.fetch_weights {card.config} --from=FILE'}"


if __name__ == "__main__":
    command.run(main, arguments=1)
