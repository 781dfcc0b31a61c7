"""The JSON-lines loop of every peer: one request a line on standard input, one answer a line on standard output.

  {"op":"hello",...} -> who is installed
  {"op":NAME,...}    -> what the method NAME returns
  {"op":"bye"}       -> {"bye":true}, then the worker ends

Whatever goes wrong is answered {"error": "..."} and the worker goes on.
"""

import importlib
import importlib.metadata
import json
import sys


class BadRequest(Exception):
    """A request the worker cannot serve; the text is the answer."""


class Worker:
    """Answers requests with the methods named in `operations`, once it was greeted."""

    operations = ()

    def hello(self, request):
        """Sets threads, imports the peers, and says which there are."""
        raise NotImplementedError

    def greeted(self):
        """Whether `hello` made the worker ready for operations."""
        raise NotImplementedError

    def handle(self, request):
        """The answer to one request."""
        if not isinstance(request, dict):
            raise BadRequest("a request is a JSON object")
        op = request.get("op")
        if op == "hello":
            return self.hello(request)
        if op not in self.operations:
            raise BadRequest(f"unknown op {op!r}: one of hello, {', '.join(self.operations)}, bye")
        if not self.greeted():
            raise BadRequest("say hello first, and have the peer installed")
        return getattr(self, op)(request)


class Packages(Worker):
    """A worker whose peers are packages to be imported: `packages` maps a distribution's name to a module of it."""

    packages = {}

    def __init__(self):
        self.threads = None

    def greeted(self):
        return self.threads is not None

    def hello(self, request):
        threads = request.get("threads")
        if not isinstance(threads, int) or threads < 1:
            raise BadRequest(f"field `threads` must be a whole number from 1, got {threads!r}")
        self.threads = threads
        return {"peers": {name: installed(name, module) for name, module in self.packages.items()}, "threads": threads}


def installed(name, module):
    """The version of a distribution, or None where its module cannot be imported, whatever breaks."""
    try:
        importlib.import_module(module)
        return importlib.metadata.version(name)
    except Exception as error:  # noqa: BLE001
        print(f"{name}: {error}", file=sys.stderr)
        return None


def answer(worker, request):
    """The answer to one request; whatever goes wrong becomes an error line, never a dead worker."""
    try:
        return worker.handle(request)
    except Exception as error:  # noqa: BLE001
        text = str(error) if isinstance(error, BadRequest) else f"{type(error).__name__}: {error}"
        return {"error": text}


def serve(worker, lines=sys.stdin, out=sys.stdout):
    """Answers requests until `bye` or the end of input."""
    for line in lines:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
        except json.JSONDecodeError as error:
            reply = {"error": f"not JSON: {error}"}
        else:
            bye = isinstance(request, dict) and request.get("op") == "bye"
            reply = {"bye": True} if bye else answer(worker, request)
        out.write(json.dumps(reply) + "\n")
        out.flush()
        if reply == {"bye": True}:
            return
