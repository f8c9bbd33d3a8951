"""Where the message of a data layer says what it reads."""

from zoo.formats import caffe_pb2


def source_field(message: caffe_pb2.LayerParameter) -> str | None:
    """Returns the field of a data layer's message whose `source` names the data, such as data_param; None without."""
    for field, value in message.ListFields():
        if (
            field.message_type
            and not field.is_repeated
            and "source" in field.message_type.fields_by_name
            and value.source
        ):
            return field.name
    return None
