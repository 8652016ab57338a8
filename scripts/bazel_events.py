# SPDX-License-Identifier: MIT
"""What bazel tells of a run in the file of --build_event_json_file."""

import json
from urllib.parse import unquote, urlparse


def read(path):
    """The events, as dictionaries. A file that was cut short gives those before the cut."""
    events = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                events.append(json.loads(line))
            except ValueError:
                break
    return events


def outputs(result, name):
    """The paths of those files of a test's result that bear the name: test.log, test.xml."""
    return [unquote(urlparse(output["uri"]).path)
            for output in result.get("testActionOutput", []) if output.get("name") == name]
