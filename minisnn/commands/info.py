"""To come."""
SUMMARY = "to come"
EXAMPLES = ""


def arguments(parser):
    parser.add_argument("path")


def run(args):
    raise ValueError("not there yet")
