# Copyright: (c) 2026, The Reprise contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the result of every task into a file, one JSON object a line, beside what the default callback prints."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: aggregate
short_description: Results for the tests
description: Writes every result into the file that REPRISE_RESULTS names.
"""


class CallbackModule(CallbackBase):
    """The results of tasks and of the items of loops."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, kind, result):
        # Its public name came with ansible-core 2.19.
        public = hasattr(type(result), "task")
        line = {
            "kind": kind,
            "task": (result.task if public else result._task).get_name(),
            "host": (result.host if public else result._host).get_name(),
            "result": result.result if public else result._result,
        }
        with open(os.environ["REPRISE_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self._write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)

    def v2_runner_item_on_ok(self, result):
        self._write("item_ok", result)

    def v2_runner_item_on_failed(self, result):
        self._write("item_failed", result)
