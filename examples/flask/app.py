#!/usr/bin/env python3
"""The Flask application of the tutorials, as a third service: what people think of the items.

It is instrumented by the OpenTelemetry packages for Python, asks the storefront, and is asked by it.
./dev demo --flask starts it; get_python.sh installs what it imports."""

import argparse
import os
import signal
import sys
import tempfile
import threading

from telemetry import Telemetry  # first: it chooses the names of attributes for what follows

import requests
from flask import Flask, request
from opentelemetry import baggage, context, trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.serving import WSGIRequestHandler, make_server

SERVICE = "reviews"


class Base(DeclarativeBase):
    pass


class Review(Base):
    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    stars: Mapped[int]


def make_database():
    """An engine with some reviews, in a file of the current folder: spans are named after its path,
    which is therefore no more than a name."""
    engine = create_engine("sqlite:///reviews.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Review(sku=sku, stars=stars) for sku, stars in (
            ("desk-lamp", 5), ("desk-lamp", 4), ("oak-table", 5), ("wool-rug", 3)))
        session.commit()
    return engine


def make_app(engine, storefront):
    app = Flask(SERVICE)

    @app.get("/")
    def home():
        return "The Flask application of Plume's demo. Try /external, /reviews/desk-lamp.\n"

    @app.get("/external")
    def external():
        # Travels with the trace, through the storefront to the inventory, which says it in its span.
        tier = baggage.set_baggage("customer.tier", request.args.get("tier", "gold"))
        token = context.attach(tier)
        try:
            answer = requests.get(f"{storefront}/items/desk-lamp", timeout=5)
        except requests.RequestException:
            return "The storefront doesn't answer.\n", 502
        finally:
            context.detach(token)
        if not answer.ok:
            return "The storefront doesn't answer as it should.\n", 502
        return f"The storefront says: {answer.text}"

    @app.get("/reviews/<sku>")
    def reviews(sku):
        with Session(engine) as session:
            count, stars = session.execute(
                select(func.count(), func.avg(Review.stars)).where(Review.sku == sku)).one()
        if not count:
            return "No reviews.\n", 404
        return f"{stars:.1f} of 5 stars\n"

    @app.get("/healthz")
    def healthz():
        return "ok\n"

    @app.after_request
    def name_the_trace(response):
        here = trace.get_current_span().get_span_context()
        if here.is_valid:
            response.headers["X-Trace-Id"] = f"{here.trace_id:032x}"
        return response

    return app


class QuietHandler(WSGIRequestHandler):
    def log(self, *arguments):
        """Requests are what the traces tell."""


def serve(app, port):
    """Until SIGINT or SIGTERM."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
    # Not in the handler itself: it would wait for the loop that it interrupts.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"{SERVICE}: listening on http://127.0.0.1:{server.port}", file=sys.stderr, flush=True)
    server.serve_forever()
    server.server_close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="0: any that is free")
    parser.add_argument("--storefront", default="http://127.0.0.1:8080", help="its URL")
    parser.add_argument("--export", default="console", help="a list of console, jaeger, otlp")
    parser.add_argument("--columns", type=int, default=100, help="of the console")
    parser.add_argument("--colour", choices=("auto", "always", "never"), default="auto")
    arguments = parser.parse_args()
    coloured = arguments.colour == "always" or (arguments.colour == "auto" and sys.stdout.isatty())

    with tempfile.TemporaryDirectory(prefix="plume-reviews-") as folder:
        os.chdir(folder)
        engine = make_database()
        telemetry = Telemetry(SERVICE, arguments.export, arguments.columns, coloured)
        app = make_app(engine, arguments.storefront.rstrip("/"))
        FlaskInstrumentor().instrument_app(app, excluded_urls="healthz")
        RequestsInstrumentor().instrument()
        # The package of today refuses SQLAlchemy 2.1 by its number alone, and works with it.
        SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)
        serve(app, arguments.port)
        telemetry.shutdown()
        engine.dispose()


if __name__ == "__main__":
    main()
