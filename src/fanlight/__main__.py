"""`python -m fanlight` is `fanlight`."""

from fanlight.cli.commands import main

main()
