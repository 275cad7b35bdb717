"""Writes engine/checkpoint/schedulers.json: the arguments of diffusers' schedulers with their defaults, read from its source.

usage: scheduler_keys.py DIFFUSERS_PACKAGE > engine/checkpoint/schedulers.json
"""
import ast
import glob
import json
import sys

CLASSES = """DDIMScheduler DDPMScheduler DEISMultistepScheduler DPMSolverMultistepScheduler DPMSolverSDEScheduler
DPMSolverSinglestepScheduler EDMDPMSolverMultistepScheduler EDMEulerScheduler EulerAncestralDiscreteScheduler EulerDiscreteScheduler HeunDiscreteScheduler
KDPM2AncestralDiscreteScheduler KDPM2DiscreteScheduler LMSDiscreteScheduler PNDMScheduler UniPCMultistepScheduler""".split()


def literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return "-inf" if "inf" in ast.unparse(node) else ast.unparse(node)


def arguments(init):
    names = [a.arg for a in init.args.args][1:]
    defaults = [None] * (len(names) - len(init.args.defaults)) + [literal(d) for d in init.args.defaults]
    return dict(zip(names, defaults))


def wrapped(indent, items):
    lines, line = [], indent
    for i, item in enumerate(items):
        item += ", " if i < len(items) - 1 else ""
        if len(line) + len(item) > 116:
            lines.append(line.rstrip())
            line = indent
        line += item
    return "\n".join(lines + [line])


def main(package):
    found = {}
    for path in sorted(glob.glob(package + "/schedulers/scheduling_*.py")):
        for c in ast.parse(open(path).read()).body:
            if isinstance(c, ast.ClassDef) and c.name.endswith("Scheduler") and "Flax" not in c.name:
                found.update({c.name: arguments(m) for m in c.body if getattr(m, "name", "") == "__init__"})
    classes = []
    for name in CLASSES:
        pairs = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found[name].items()]
        classes.append(f'    "{name}": {{\n{wrapped("      ", pairs)}\n    }}')
    others = set().union(*found.values()) - set().union(*(found[c] for c in CLASSES))
    print('{\n  "classes": {\n' + ",\n".join(classes) + '\n  },\n  "others": [')
    print(wrapped("    ", [json.dumps(k) for k in sorted(others)]) + "\n  ]\n}")


main(sys.argv[1])
