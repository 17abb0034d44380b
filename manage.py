#!/usr/bin/env python
"""The command line of Tact."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Two processes share two cores: one BLAS thread each keeps the web answering while models train.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
    execute_from_command_line(sys.argv)
