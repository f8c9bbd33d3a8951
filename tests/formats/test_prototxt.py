"""Prototxt: the grammar, the lines, the printer, and what is said of each mistake."""

import re
import time

import pytest

from zoo.errors import Place, PrototxtError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import (
    merge,
    parse,
    parse_net,
    parse_solver,
    read_either,
    read_net,
    read_solver,
    sniff,
    to_text,
)

NET = """\
name: "tiny" # the net
layer {
  name: 'data'; type: "Input", top: "data"
  input_param { shape { dim: [2, 3, 5, 7] } }
}
layer <
  name: "con" "v1"  # C joins strings
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  param { lr_mult: 1 }
  param {
    lr_mult: 2.5
  }
  convolution_param: {
    num_output: 4
    kernel_size: 3 kernel_size: 1
    weight_filler { type: "gaussian" std: 1e-2 }
  }
>
"""


def error_of(text, kind="NetParameter"):
    with pytest.raises(PrototxtError) as caught:
        parse(text, kind, "net.prototxt")
    return str(caught.value)


def test_grammar():
    net = parse_net(NET).message
    assert net.name == "tiny"
    assert [layer.name for layer in net.layer] == ["data", "conv1"]
    assert list(net.layer[0].input_param.shape[0].dim) == [2, 3, 5, 7]
    assert list(net.layer[1].convolution_param.kernel_size) == [3, 1]
    assert [param.lr_mult for param in net.layer[1].param] == [1, 2.5]


def test_strings_with_escapes_and_both_quotes():
    net = parse_net(r"""name: 'it\'s "a" \x41\102\n#{'  input: "日\t'" """).message
    assert net.name == 'it\'s "a" AB\n#{' and net.input[0] == "日\t'"
    assert parse_net(to_text(net)).message == net


@pytest.mark.parametrize(
    "path, line",
    [
        ("name", 1),
        ("layer", 2),
        ("layer[0].input_param.shape.dim[3]", 4),
        ("layer[1]", 6),
        ("layer[1].param.lr_mult", 11),
        ("layer[1].param[1].lr_mult", 13),
        ("layer[1].convolution_param.kernel_size[1]", 17),
        ("layer[1].convolution_param.weight_filler.std", 18),
        ("layer[1].convolution_param.pad", None),
    ],
)
def test_lines_by_path(path, line):
    parsed = parse_net(NET, "tiny.prototxt")
    assert parsed.at(path).line == line
    assert parsed.source.lines().get(path) == line


def test_lines_of_a_layer_are_a_mapping():
    lines = parse_net(NET).source.fields["layer"][1].lines()
    assert lines["convolution_param.num_output"] == 16 and lines["param[1]"] == 12
    assert len(lines) == len(list(lines)) == len(dict(lines)) and "param[2]" not in lines and "" not in lines


def test_lines_inside_a_solver():
    parsed = parse_solver(
        'base_lr: 0.1\nnet_param {\n  layer {\n    name: "a"\n  }\n}\ntest_iter: 1\ntest_iter: 2\n', "s"
    )
    assert parsed.at("test_iter[1]").line == 8 and str(parsed.at("base_lr")) == "s:1"
    net = parsed.part("net_param")
    assert net.message.layer[0].name == "a" and net.at("layer[0].name").line == 4


@pytest.mark.parametrize(
    "text, said",
    [
        ('layer { name: "a" type: "ReLU"\n botom: "x" }', '2: layer "a" .ReLU.: .*"botom" .did you mean "bottom"'),
        ('layer { name: "a" pooling_param { pool: MAXX } }', 'no value MAXX, want one of MAX, AVE.*did you mean "MAX"'),
        ('layers { name: "a" type: CONVOLUTON }', 'layer "a".*no value CONVOLUTON.*did you mean "CONVOLUTION"'),
        ('layers { name: "a" type: "Convolution" }', 'goes into "layer", not "layers"'),
        ("layers { type: 99 }", "no value 99"),
        ("layer { type: Convolution }", 'unquoted text, got Convolution, want "Convolution"'),
        ("layer { name }", 'expected ":"'),
        ("layer { top: 3 }", "got 3"),
        ("name: ", "Expected string"),
        ("input_dim: 1.5", "field input_dim does not take this value, got 1.5, want integer"),
        ("input_dim: 99999999999", "input_dim does not take this value, got 99999999999, want -2147483648 to 21474"),
        (
            'layer { name: "d" data_param { source: "a"\n batch_size: -64 } }',
            '2: layer "d": field batch_size does not take this value, got -64, want 0 to 4294967295',
        ),
        ("name: 'a'\n<<<<<<< HEAD\nname: 'b'\n", "2: an unresolved merge conflict, got <<<<<<<"),
        ("layer {\n>>>>>>> branch\n}", "2: an unresolved merge conflict"),
        ("name: 'a' // the net", "// does not start a comment .write # before it"),
        ("name: 'http://a' # //\n/* more */", "2: /[*] does not start a comment"),
        ("input_dim: 1,3", "input_dim is given a list, got 1,3, want .1, 3."),
        ("layers { type: VIDEO_DATA }", "no value VIDEO_DATA .a layer of a fork of Caffe .* C3D"),
        ('layer { type: "Convolution" num_output: 3 }', "num_output.*it belongs in convolution_param { ... }"),
        ("force_backward: maybe", 'Expected "true" or "false"'),
        ('name: "a"\nname: "b"', '2: NetParameter has the field "name" twice'),
        ('layer { name: "c" type: "Clip" clip_param { min: 1 } }', 'layer "c" .Clip.: required field max is not set'),
        ("net_param { }", "has no field"),
        ("[a.b]: 1", "does not have extensions"),
    ],
)
def test_mistakes_are_placed_and_put_right(text, said):
    message = error_of(text)
    assert message.startswith("net.prototxt")
    assert re.search(said, message), message


@pytest.mark.parametrize(
    "text, said",
    [
        ('layer { name: "a"\n', 'net.prototxt:1: layer "a": "layer {" opened here is never closed'),
        # The layer that swallows the next one lacks the bracket, not the message around all of them.
        (
            'layer {\n name: "a" }\nlayer {\n name: "b"\n relu_param {\n }\nlayer {\n name: "c"\n}\n',
            'net.prototxt:3: layer "b": "layer {" opened here is never closed',
        ),
        ('layer { name: "a" }\n}', 'net.prototxt:2: unmatched "}"'),
        ('layer { name: "a"\n>', 'net.prototxt:2: layer "a": wrong closing bracket for the one opened on line 1'),
        ('layer { name: "a\n }', "net.prototxt:1: string is not terminated on its line"),
        ("{", '"{" opened here is never closed'),
    ],
)
def test_structure(text, said):
    assert said in error_of(text)


def test_missing_bracket_in_a_solvers_net():
    text = 'net_param {\n layer {\n  name: "a"\n  relu_param {\n  }\n layer {\n  name: "b"\n }\n}\nbase_lr: 1'
    assert 'net.prototxt:2: layer "a": "layer {" opened here is never closed' in error_of(text, "SolverParameter")


def test_layer_is_told_by_character_where_one_line_holds_two():
    message = error_of('layer {\n  name: "a" } layer { name: "b" botom: "x"\n}')
    assert 'net.prototxt:2: layer "b"' in message


@pytest.mark.parametrize("text", ["layer {" * 10000, "[" * 10000, "layer { include <" * 5000 + ">}" * 5000])
def test_nesting_is_refused_fast(text):
    start = time.perf_counter()
    assert "nested deeper than 64 levels" in error_of(text)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"# only words\n", "the text is empty"),
        (b"\n\x06LeNet\xa2\x06\x03\x00\x01", "a binary file"),
        (b"name: 'x'" + b" " * 5000 + b"\x00", "a binary file"),
        (b"# caf\xe9\nname: 'caf\xe9' # \xff", "file:2: not UTF-8, got byte 0xE9"),
        ("name: 'x'".encode("utf-16"), "UTF-16 text, where UTF-8 is wanted"),
        ("name: 'x' force_backward: true".encode("utf-16-be"), "UTF-16 text, where UTF-8 is wanted"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (b"<html lang='en'>", "a web page"),
    ],
)
def test_files_that_are_something_else(tmp_path, data, said):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(PrototxtError, match="file") as caught:
        read_net(path)
    assert said in str(caught.value)


def test_bytes_of_a_comment_are_not_looked_at(tmp_path):
    """As in Caffe's parser."""
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"# caf\xe9 \"\xff\nname: 'a # \xc3\xa9' # \xe9'\nlayer { name: \"#\" }")
    parsed = read_net(path)
    assert parsed.message.name == "a # \u00e9" and parsed.message.layer[0].name == "#"
    assert parsed.at("layer").line == 3


def test_all_unknown_names_come_together():
    said = error_of(
        """layer { name: "p" type: "Correlation" bottom: "x" top: "y"
          correlation_param { pad: 0 }
          crelu_param { }
        }
        layer { name: "q" type: "Correlation" correlation_param { } }
        layer { name: "d" type: "Data" transform_param { force_colour: 1
          scal: 3 } }
        layer { name: "l" type: "NLLLoss" }
        layer { name: "o" type: "MyOwn" relu_param { } }
        """
    )
    flow = "of a fork of Caffe that is not supported here, FlowNet (lmb-freiburg/flownet2)"
    assert said == (
        "7 problems:\n"
        f'  net.prototxt:1: layer "p" (Correlation): unknown layer type "Correlation"'
        f" (a layer {flow}; also on line 5)\n"
        '  net.prototxt:2: layer "p" (Correlation): LayerParameter has no field "correlation_param"'
        f" (a field {flow}; also on line 5)\n"
        '  net.prototxt:3: layer "p" (Correlation): LayerParameter has no field "crelu_param"\n'
        f'  net.prototxt:6: layer "d" (Data): TransformationParameter has no field "force_colour"'
        ' (did you mean "force_color"?)\n'
        '  net.prototxt:7: layer "d" (Data): TransformationParameter has no field "scal" (did you mean "scale"?)\n'
        '  net.prototxt:8: layer "l" (NLLLoss): unknown layer type "NLLLoss" (in Caffe SoftmaxWithLoss is log-softmax'
        " and the loss of it in one; alone: Softmax, then Log)\n"
        '  net.prototxt:9: layer "o" (MyOwn): unknown layer type "MyOwn"'
    )


@pytest.mark.parametrize(
    "field, cure", [("lr: 0.1", "base_lr"), ("batch_size: 3", "data_param"), ("epochs: 3", "max_iter")]
)
def test_words_of_other_frameworks(field, cure):
    with pytest.raises(PrototxtError, match=f"^--set:1: SolverParameter has no field .*{cure}"):
        merge(field, caffe_pb2.SolverParameter())
    with pytest.raises(PrototxtError, match=r"^s:2: device_id takes one value, got 0,1 .zoo.train --gpu=0,1"):
        parse_solver("net: 'a'\ndevice_id: 0,1\nbase_lr: 1", "s")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        f"layer {{ {'a' * 10**6}: 3 }}",
        f"layer {{ name: '{'a' * 10**6}' {'b' * 10**6}: 3 }}",
        f"input_dim: {'9' * 10**6}",
        f"name: '{'a' * 10**6}",
        f"force_backward: {'a' * 10**6}",
        " ".join(f"field{n}: 1" for n in range(2 * 10**4)),
    ],
)
def test_messages_are_bounded(text):
    start = time.perf_counter()
    assert len(error_of(text)) < 10_000
    assert time.perf_counter() - start < 5


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "lenet.prototxt").write_text('name: "a"')
    with pytest.raises(PrototxtError, match='no such file .did you mean "lenet.prototxt"'):
        read_net(tmp_path / "lenet.prototx")
    with pytest.raises(PrototxtError, match='no such file .did you mean "lenet.prototxt"'):
        read_net(tmp_path / "lenett.prototxt")
    with pytest.raises(PrototxtError, match="no such file$"):  # ".prototxt" alone makes no name like another
        read_net(tmp_path / "new.prototxt")
    with pytest.raises(PrototxtError, match="there is no directory"):
        read_net(tmp_path / "no" / "lenet.prototxt")
    with pytest.raises(PrototxtError, match="is a directory"):
        read_net(tmp_path)
    with pytest.raises(PrototxtError, match="cannot be read"):
        read_net("a\0b")


def test_byte_order_mark_and_windows_lines(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b'\xef\xbb\xbfname: "a"\r\nlayer {\r\n name: "b"\r\n}\r\n')
    parsed = read_net(path)
    assert parsed.message.name == "a" and parsed.at("layer.name").line == 3 and parsed.file == str(path)


def test_sniff(tmp_path, shared):
    assert sniff('name: "a" layer { }') == sniff("debug_info: true layers { }") == "NetParameter"
    assert sniff("debug_info: true base_lr: 1") == sniff("net_param { layer { } } max_itr: 3") == "SolverParameter"
    assert read_either(shared / "golden/upgrade/old_solver.prototxt").message.DESCRIPTOR.name == "SolverParameter"
    with pytest.raises(PrototxtError, match="neither a net nor a solver, got foo"):
        sniff("foo: 1")


def test_merge_replaces_what_is_given():
    solver = parse_solver(
        'base_lr: 0.1\nstepvalue: 1 stepvalue: 2\nlr_policy: "step"\ntrain_state { level: 1 stage: "a" }', "s"
    )
    merged = merge('base_lr: 0.02 stepvalue: 7 train_state { stage: "b" } max_iter: 500', solver)
    want = 'base_lr: 0.02 stepvalue: 7 lr_policy: "step" train_state { level: 1 stage: "b" } max_iter: 500'
    assert merged.message == parse_solver(want).message
    assert merged.at("lr_policy").line == 3 and merged.at("base_lr") == Place("--set", 1)
    assert solver.message.base_lr == pytest.approx(0.1) and list(solver.message.stepvalue) == [1, 2]
    assert merge("base_lr: 3", solver.message).base_lr == 3
    with pytest.raises(PrototxtError, match='--set:1: SolverParameter has no field "base_rl" .did you mean "base_lr"'):
        merge("base_rl: 3", solver)


@pytest.mark.parametrize(
    "value, text",
    [
        (0.00390625, "0.00390625"),
        (1e-8, "1e-08"),
        (0.0001, "0.0001"),
        (0.1, "0.1"),
        (1 / 3, "0.33333334"),
        (16777216, "16777216"),
        (1e10, "1e+10"),
        (-0.0, "-0"),
        (float("inf"), "inf"),
        (3.4028235e38, "3.4028235e+38"),
    ],
)
def test_floats_as_in_c(value, text):
    assert to_text(caffe_pb2.SolverParameter(base_lr=value)) == f"base_lr: {text}\n"


def test_floats_read_back_the_same():
    import numpy as np

    bits = np.random.default_rng(5).integers(0, 2**32, 2000, dtype=np.uint32)
    for value in bits.view(np.float32)[np.isfinite(bits.view(np.float32))]:
        solver = caffe_pb2.SolverParameter(base_lr=float(value))
        assert parse_solver(to_text(solver)).message == solver


def test_printer_orders_by_number_and_keeps_empty_messages():
    net = parse_net("layer { transform_param { } include { phase: TEST } name: 'a' } force_backward: true").message
    want = (
        'force_backward: true\nlayer {\n  name: "a"\n  include {\n    phase: TEST\n  }\n  transform_param {\n  }\n}\n'
    )
    assert to_text(net) == want


def test_caffes_own_texts_print_as_they_are(shared):
    for path in sorted((shared / "golden/upgrade").glob("*.upgraded.prototxt")):
        read = read_solver if "solver" in path.name else read_net
        assert to_text(read(path).message) == path.read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<<<<<<< HEAD\nlayer { }\n=======\nlayer { }\n>>>>>>> b\n", "a:1: an unresolved merge conflict, got <<<<<<<"),
        ("<<<<<<< HEAD\nlayer { }\n=======\n", "a:1: an unresolved merge conflict"),
        ("// a net\n", "a:1: // does not start a comment"),
    ],
)
def test_another_language_before_the_first_field(text, says):
    """Where what a file is cannot be told either."""
    with pytest.raises(PrototxtError, match=says):
        sniff(text, "a")
