"""What Schemathesis cannot know: a URL that a webhook may have. Everything else is the document's."""

import string

import schemathesis
from hypothesis import strategies as st

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
schemathesis.openapi.format(
    "uri", st.builds("https://{}.example.com/{}?{}".format, names.map("h".__add__), names, names))

# What the server takes off both ends of a value.
BLANKS = string.whitespace + "\x85\xa0\u1680\u200e\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200C)))


def is_nothing(value):
    """Does this leave a parameter empty, or out of the URL? Of several values the last one counts."""
    if isinstance(value, list):
        return not value or is_nothing(value[-1])
    if isinstance(value, str):
        return not value.strip(BLANKS)
    return value is None or value == {}


@schemathesis.hook
def filter_query(_context, query):
    """An empty parameter counts as absent (allowEmptyValue), and one without a name is an unknown one:
    both are ignored, and Schemathesis takes them for violations."""
    return all(name and not is_nothing(value) for name, value in (query or {}).items())


def has_outer_blanks(value):
    """Is there a text in it that has blanks around something?"""
    if isinstance(value, dict):
        return any(map(has_outer_blanks, value.values()))
    if isinstance(value, list):
        return any(map(has_outer_blanks, value))
    return isinstance(value, str) and value.strip(BLANKS) not in ("", value)


@schemathesis.hook
def filter_body(_context, body):
    """A text is trimmed before it is judged, which JSON Schema cannot say: it may be shorter than it looks."""
    return not has_outer_blanks(body)
