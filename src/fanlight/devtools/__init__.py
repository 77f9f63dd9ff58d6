"""The tools of `fanlight dev`: reload, debug pages, the inspector. Nothing here is imported by `fanlight run`."""
