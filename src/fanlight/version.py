"""The version of Fanlight. The distribution is built with it, so nothing has to read the distribution's metadata."""

VERSION = "0.1.0"
