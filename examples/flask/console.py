"""Prints traces as trees, in the look of Plume's console exporter: what one service did in a trace
stands together, from the span that it was called with, or that began the trace."""

import json
import sys
from collections import defaultdict
from datetime import datetime, timezone

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

BOLD, DIM, RED, BLUE, CYAN, RESET = "1", "2", "31", "34", "36", "\x1b[0m"
NAMES, BAR = 32, 24  # columns, as in Plume's


def duration(nanoseconds):
    """Three digits and a unit."""
    for unit, length in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        value = nanoseconds / length
        if value < 999.5:
            break
    else:
        unit, value = "s", nanoseconds / 1e9
    digits = 0 if unit == "ns" or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{unit}"


def value_text(value):
    """As it is, unless somebody might mistake where it ends."""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "\\\n\t') else text


class TreeExporter(SpanExporter):
    """Holds spans until the one that they all are below has ended, then prints the tree to stdout."""

    def __init__(self, service, columns, coloured):
        self._service = service
        self._columns = columns
        self._coloured = coloured
        self._children = defaultdict(list)  # of spans that have not ended

    def export(self, spans):
        for span in spans:
            if span.parent is None or span.parent.is_remote:
                self._print(span)
            else:
                self._children[span.context.trace_id, span.parent.span_id].append(span)
        sys.stdout.flush()
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass

    def _paint(self, colour, text):
        return f"\x1b[{colour}m{text}{RESET}" if self._coloured else text

    def _print(self, root):
        lines = []
        count = self._tree(root, root, "", "", lines)
        begin = datetime.fromtimestamp(root.start_time / 1e9, timezone.utc)
        length = duration(root.end_time - root.start_time)
        spans = "1 span" if count == 1 else f"{count} spans"
        facts = (f" · {root.context.trace_id:032x} · {spans} · {length} · "
                 f"{begin:%Y-%m-%d %H:%M:%S.%f} UTC")
        print(self._paint(BOLD, self._service) + self._paint(DIM, facts))
        print(*lines, "", sep="\n")

    def _tree(self, root, span, guides, margin, lines):
        """Appends the lines of a span and of those below. Returns how many spans these are."""
        children = self._children.pop((span.context.trace_id, span.context.span_id), [])
        children.sort(key=lambda child: child.start_time)
        lines.append(self._line(root, span, children, guides))
        lines += self._details(span, margin + ("│ " if children else "  "))
        count = 1
        for child in children:
            last = child is children[-1]
            count += self._tree(root, child, margin + ("└─ " if last else "├─ "),
                                margin + ("   " if last else "│  "), lines)
        return count

    def _line(self, root, span, children, guides):
        failed = span.status.status_code is StatusCode.ERROR
        kind = "" if span.kind is SpanKind.INTERNAL else span.kind.name.lower()
        used = len(guides) + len(span.name) + (len(kind) + 3 if kind else 0)
        text = self._paint(DIM, guides) + self._paint(f"{BOLD};{RED}" if failed else BOLD, span.name)
        if kind:
            text += self._paint(DIM, " · ") + self._paint(BLUE, kind)
        length = duration(span.end_time - span.start_time)
        text += " " * max(2, NAMES + 8 - used - len(length)) + length + "  "

        bar = self._bar(root, span, children)
        return text + self._paint(RED if failed else CYAN, bar)

    @staticmethod
    def _bar(root, span, children):
        """When it ran in the time of the root: heavy where it worked itself, thin where others did."""
        def cells(one):
            scale = BAR / max(1, root.end_time - root.start_time)
            begin, end = (min(BAR, max(0, round((time - root.start_time) * scale)))
                          for time in (one.start_time, one.end_time))
            return range(begin, end)
        own = cells(span) or range(min(cells(span).start, BAR - 1), BAR)[:1]
        below = {cell for child in children for cell in cells(child)}
        return " " * own.start + "".join("─" if cell in below else "━" for cell in own)

    def _details(self, span, margin):
        """Attributes, as many to a line as fit; then events, then the error."""
        line, used = "", 0
        for key, value in span.attributes.items():
            text = self._cut(f"{key}={value_text(value)}", margin)
            if line and len(margin) + used + 2 + len(text) > self._columns:
                yield self._paint(DIM, margin) + line
                line, used = "", 0
            gap = "  " if line else ""
            line += gap + self._paint(DIM, text[:len(key) + 1]) + text[len(key) + 1:]
            used += len(gap) + len(text)
        if line:
            yield self._paint(DIM, margin) + line
        for event in span.events:
            after = duration(event.timestamp - span.start_time)
            yield self._paint(DIM, margin) + f"+{after}  {event.name}"
        if span.status.status_code is StatusCode.ERROR:
            text = self._cut(f"✗ {span.status.description or 'error'}", margin)
            yield self._paint(DIM, margin) + self._paint(RED, text)

    def _cut(self, text, margin):
        """One line's worth of it."""
        room = max(20, self._columns - len(margin))
        return text if len(text) <= room else text[:room - 1] + "…"
