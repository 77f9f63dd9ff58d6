"""Fanlight: async views that wait."""

from awaiting import open_pool, read_postgresql, sleep

from fanlight import App


async def postgresql(number: int) -> str:
    return await read_postgresql(number)


async def lifespan():
    async with open_pool():
        yield


URLS = {"/sleep": sleep, "/postgresql/{number}": postgresql}

app = App(URLS, compression=None, lifespan=lifespan)  # as its peers: they compress nothing by themselves
