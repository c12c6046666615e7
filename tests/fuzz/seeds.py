#!/usr/bin/env python3
# Writes the seeds of the fuzz targets: tests/fuzz/seeds.py FOLDER makes FOLDER/NAME/seed-* for each target.
import gzip
import json
import pathlib
import re
import struct
import sys
import zlib

here = pathlib.Path(__file__).resolve().parent
top = here.parent.parent
out = pathlib.Path(sys.argv[1])
counts = {}


def seed(target, data):
    counts[target] = counts.get(target, 0) + 1
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    data = data.encode() if isinstance(data, str) else data
    (folder / f"seed-{counts[target]:02}").write_bytes(data)


def packed(data):
    return gzip.compress(data, mtime=0)


# ---- texts ----
for text in ['null', '[]', '{}', '[1, -2.5e3, true, null, "a\\u00e9\\ud83d\\ude00\\n"]', '{"a": {"b": [1, {"c": "~/"}]}}',
             '// one\n{"a": /* two */ 1}', '[[[[1]]]]', '9223372036854775807', '-9223372036854775808', '1e308', '1e-320',
             '-0.0', '{"a": 1, "a": 2}', '[1,]', "{'a': 1}", 'NaN', '[0.1, 123456789.125, 1E+2]', '"\\u0000\x7f"',
             '{"~": 1, "/": 2, "": 3}', '[01]', '9223372036854775808', '# no', '"é 😀"', '[1] 2', '{"a":']:
    seed("json", text)

for text in ["1 + 2 * 3", "channels // 2", "max(n, 8)", "if(deep, widths[0], widths[-1])", "[1, 2] + widths", "2 ^ 10",
             "not (n == 3 and ratio < 0.5)", "range(1, 10, 2)", "len(range(5))", "sum([1, 2.5])", "round(2.5)", "-7 // 2",
             "7 % -3", "sqrt(16)", "log2(8)", "gcd(12, 18)", "abs(-3)", "'text'", "unknown + 1", "nested[0][1]",
             "if(unknown, 1, 2)", "1 / 0", "length", "widths[3]", "9223372036854775807 + 1", "1e400", "((1))",
             "min()", "true or unknown", "kind == 'relu'", "ceil(1.2) - floor(1.8)", "branch{n}", "{kind}_{n + 1}",
             "1.5 // 0.4", "(-8) ^ 0.5", "--1", "0.1 + 0.2 >= 0.3", "range(0)", "2 ^ -1"]:
    seed("expression", text)

for path in sorted((top / "apps/configs").glob("*.json")) + sorted((top / "tests/bad_configs").glob("*/*.json"))[::12]:
    if path.stat().st_size < 1600:
        seed("config", path.read_bytes())
layers = ["ReLU", "Tanh", "GELU", "Softmax", "BatchNorm2d", "LayerNorm", "Dropout", "GAP", "Flatten", "Identity"]
data = '"data": {"type": "SyntheticImages", "n": 12, "height": 8, "width": 8}'
end = '"GAP", "Flatten", {"type": "Linear", "out_features": "=classes"}'
for layer in layers:
    seed("config", f'{{{data}, "model": ["{layer}", {end}]}}')
for item in ['{"type": "Conv2d", "out_channels": "=channels * 2", "kernel_size": [3, 1], "padding": "same", "groups": 1}',
             '{"name": "a", "type": "MaxPool2d", "kernel_size": 2}, {"type": "MaxUnpool2d", "kernel_size": 2, "from": ["a", "a.indices"]}',
             '{"for": "i", "in": "=range(3)", "body": [{"name": "c{i}", "type": "Conv2d", "out_channels": "=4 + i", "kernel_size": 1}]}',
             '{"name": "x", "type": "ReLU"}, {"type": "Add", "from": ["x", "input"]}',
             '{"type": "Reshape", "sizes": [-1, 8]}, {"type": "Unflatten", "dim": 1, "sizes": [1, 8, 8]}',
             '{"type": "AdaptiveAvgPool2d", "output_size": [2, null], "when": "=channels > 1"}',
             '{"type": "Pad2d", "padding": [1, 2, 3, 4]}, {"type": "Upsample", "scale_factor": 1.5}',
             '{"type": "LPPool2d", "norm_type": 2, "kernel_size": 3, "stride": 2}',
             '{"type": "ConvTranspose2d", "out_channels": 3, "kernel_size": 3, "stride": 2, "init": {"weight": "xavier_uniform"}}']:
    seed("config", f'{{{data}, "model": [{item}, {end}]}}')
block = '"blocks": {"B": {"params": {"k": 3, "w": null}, "body": [{"type": "Conv2d", "out_channels": "=w", "kernel_size": "=k"}, "ReLU"]}}'
seed("config", f'{{{data}, {block}, "model": [{{"type": "B", "w": 4}}, {end}]}}')
seed("config", f'{{{data}, "include": "b.json", "model": [{{"type": "B", "w": 4}}, {end}]}}\n--- b.json\n{{{block}}}')
seed("config", f'{{"extends": "base.json", "train": {{"epochs": 2}}, "loss": null}}\n--- base.json\n{{{data}, "model": [{end}], "loss": "NLLLoss"}}')
seed("config", '{"extends": "main.json"}')
seed("config", '{"include": ["builtin:blocks/attention", "a.json"]}\n--- a.json\n{"blocks": {}}')
seed("config", '{"data": {"type": "Moons"}, "model": [{"type": "Linear", "out_features": 2}], "schedule": {"type": "StepLR", "step_size": 3}, '
     '"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}}')
seed("config", '{"data": {"type": "Shapes", "augment": [{"type": "RandomHorizontalFlip"}]}, "model": [{"type": "Conv2d", "out_channels": '
     '"=classes", "kernel_size": 1}], "loss": {"type": "CrossEntropyLoss", "label_smoothing": 0.1}, "train": {"best_by": "mean_iou"}}')


# ---- states: which tensor, what is done to it, with how many bytes, these bytes, and the counters ----
row = {"event": "epoch", "epoch": 1, "lr": 0.01, "train_loss": 0.7, "train_accuracy": 0.5, "validation_loss": None,
       "validation_accuracy": None, "gradient_norm": None, "seconds": 0.1}
facts = {"epoch": 1, "position": 3, "step": 9, "best": 0, "loss_sum": 17.5, "examples": 24, "correct": 12, "counted": 24,
         "confusion": [6, 6, 6, 6], "seconds": 0.05, "history": [row]}
fresh = {**facts, "epoch": 0, "position": 0, "step": 0, "best": -1, "examples": 0, "correct": 0, "counted": 0, "history": []}
fresh.pop("confusion")
for head in [b"\0\0\0", b"\5\1\4abcd", b"\7\2\0", b"\1\3\1x", b"\2\4\3abc", b"\3\5\0"]:
    seed("state", head + json.dumps(facts).encode())
for wrong in [fresh, {**facts, "best": 7}, {**facts, "epoch": 2}, {**facts, "position": 99}, {**facts, "examples": -1},
              {**facts, "confusion": [1]}, {**facts, "history": [None]}, {**facts, "step": 9223372036854775807}]:
    seed("state", b"\0\0\0" + json.dumps(wrong).encode())

# ---- arrays ----
def safetensors(header, contents=b""):
    return struct.pack("<Q", len(header)) + header.encode() + contents


seed("safetensors", safetensors("{}"))
seed("safetensors", safetensors('{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}', bytes(8)))
seed("safetensors", safetensors('{"__metadata__":{"k":"v"},"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},'
                                '"b":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}}  ', bytes(8)))
seed("safetensors", safetensors('{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}', bytes(2)))
seed("safetensors", safetensors('{"__metadata__":{"tarn.xxh64":"0123456789abcdef"}}'))
seed("safetensors", safetensors('{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'))


def npy(descr, shape, contents, version=1, order="False"):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + contents


arrays = [npy("<f4", "(3,)", struct.pack("<3f", 1, 2, -3)), npy("<f8", "(1, 2)", struct.pack("<2d", 1, 1e300)),
          npy("|u1", "(2, 2)", bytes(range(4))), npy("|i1", "(2,)", b"\x80\x7f"), npy("<i8", "()", bytes(8)),
          npy("<u2", "(1, 1, 1)", b"\xff\xff", 2), npy("<i2", "(1,)", bytes(2), 3), npy("<u4", "(1,)", b"\xff" * 4),
          npy("<i4", "(2,)", bytes(8), 1, "True"), npy(">f4", "(1,)", bytes(4)), npy("<f4", "(3000000000, 3000000000)", b""),
          npy("<f4", "(0,)", b"")]
for array in arrays:
    seed("npy", array)


def archive(entries):
    body, directory = b"", b""
    for name, contents, method in entries:
        name = name.encode()
        coder = zlib.compressobj(9, zlib.DEFLATED, -15)
        stored = coder.compress(contents) + coder.flush() if method == 8 else contents
        common = struct.pack("<HHHIIIIHH", 20, 0, method, 0x210000, zlib.crc32(contents), len(stored), len(contents), len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + bytes(10) + struct.pack("<I", len(body)) + name
        body += b"PK\x03\x04" + common + name + stored
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


seed("npz", archive([]))
seed("npz", archive([("x.npy", arrays[0], 0), ("y.npy", arrays[4], 8)]))
seed("npz", archive([("x.npy", arrays[2], 8)]))
seed("npz", archive([("x.npy", bytes(3000), 8), ("../y.npy", b"", 0)]))
seed("npz", archive([("x.npy", b"abc", 12)]))


def idx(sizes, contents, kind=8):
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + contents


for data in [idx([3], b"\x00\x01\x02"), idx([2, 2, 2], bytes(8)), idx([1, 2, 2, 1], bytes(4)), idx([2, 3], b"abcdef")]:
    seed("idx", data)
    seed("idx", packed(data))
seed("idx", packed(idx([2], b"a")) + packed(b"b"))
seed("idx", idx([1 << 31, 1 << 31], b""))
seed("idx", idx([1], b"a", 13))

record = bytes([3]) + bytes(range(256)) * 12
seed("cifar", b"\0" + record)
seed("cifar", b"\0" + packed(record * 2))
seed("cifar", b"\1" + packed(bytes([1, 99]) + bytes(3072)))
seed("cifar", b"\2" + packed(bytes([19, 5]) + bytes(3072)))
seed("cifar", b"\2" + packed(bytes([20, 5]) + bytes(3072)))
seed("cifar", "\3" + "".join(f"kind{i}\r\n" for i in range(10)))
seed("cifar", b"\3" + packed(b"a\nb\nc\n"))

tables = [(0, "a,b,kind\n1,2,x\n3,4,y\n"), (0, "1,2,0\n3,4.5e2,1\n"), (0, "2,2,no,yes\n1,2,0\n3,4,1\n"), (3, "1,1,a\n5,0\n"),
          (8, "kind;x\na;1\n"), (1 + 8 + 16, "kind;x\n\"a\";1\n"), (2 + 4, "\xef\xbb\xbf0,1,2\r\n1,  3 ,4\r\n"), (64, "1,2,a\nx,2,b\n3,4,c\n"),
          (64 + 3, "3,1,p,q\n1,0\nbad,1\n2,7\n"), (32, "1 2 3\n4 5 6\n"), (48 + 2, "1\t2\n"), (0, "1,nan,2\n"), (0, "1e999,2\n"), (0, "1")]
for how, table in tables:
    seed("csv", bytes([how]) + table.encode("latin-1"))
seed("csv", bytes([0]) + packed(tables[0][1].encode()))


# ---- pictures ----
def chunk(kind, contents):
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


def png(width, height, depth, colour, rows, more=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


palette = chunk(b"PLTE", bytes([1, 2, 3, 255, 254, 253]))
seed("png", png(2, 2, 8, 0, b"\x00ab\x02cd"))
seed("png", png(3, 1, 1, 0, b"\x00\xa0"))
seed("png", png(2, 1, 2, 0, b"\x00\x60", chunk(b"tRNS", b"\x00\x01")))
seed("png", png(1, 2, 8, 2, b"\x01abc\x04def"))
seed("png", png(1, 1, 16, 2, b"\x00" + bytes(6), chunk(b"gAMA", struct.pack(">I", 45455))))
seed("png", png(2, 1, 1, 3, b"\x00\x40", palette))
seed("png", png(2, 1, 4, 3, b"\x00\x01", palette + chunk(b"tRNS", b"\x80")))
seed("png", png(1, 1, 8, 4, b"\x00ab"))
seed("png", png(1, 1, 16, 6, b"\x00" + bytes(8), chunk(b"tEXt", b"Title\x00x")))
seed("png", png(3, 3, 8, 0, b"\x00a\x00b\x00c\x00d\x00e\x00fg\x00hij", b"", 1))
seed("png", png(1, 1, 8, 6, b"\x00abcd", chunk(b"zTXt", b"k\x00\x00" + zlib.compress(b"text")) + chunk(b"tIME", bytes(7))))
seed("png", png(1, 1, 8, 2, b"\x00abc", chunk(b"iCCP", b"p\x00\x00" + zlib.compress(bytes(132))) + chunk(b"sBIT", b"\x08\x08\x08")))
seed("png", png(8000, 8000, 8, 2, b""))

for text in [b"P5 2 2 255\nabcd", b"P6 1 1 255\nabc", b"P2\n# comment\n2 1 15\n3 15\n", b"P3 1 1 1\n0 1 1", b"P5 1 1 65535\n\x12\x34",
             b"P6 1 1 256 abcdef", b"P2 1 1 9 9 # end", b"P4 8 1 \x00", b"P5 9999999 9999999 255\n", b"P2 1 1 0 0"]:
    seed("pnm", text)

source = (top / "tests/image.cpp").read_text()
for _, written in re.findall(r"(\w+_jpeg) =\n((?:\s*\"[0-9a-f]+\"\s*)+);", source):
    seed("jpeg", bytes.fromhex("".join(re.findall(r"[0-9a-f]{2,}", written))))
