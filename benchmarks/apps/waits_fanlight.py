"""Fanlight: sync views that wait a little, one that computes, and a fast one. Nothing says which is which."""

from waiting import SLEEPS, compute, read_postgresql, read_sqlite, sleeping

from fanlight import App


def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


def postgresql(number: int) -> str:
    return read_postgresql(number)


def sqlite(number: int) -> str:
    return read_sqlite(number)


URLS = {
    "/user/{number}": user,
    "/postgresql/{number}": postgresql,
    "/sqlite/{number}": sqlite,
    "/compute": compute,
    **{f"/sleep/{each}": sleeping(each) for each in SLEEPS},
}

app = App(URLS, compression=None)  # as its peers: they compress nothing by themselves
