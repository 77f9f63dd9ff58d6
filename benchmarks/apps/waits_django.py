"""Django: the views of waits_fanlight.py, with the one middleware that sets content-length.

It reads by its own cursors: on a connection of its pool for PostgreSQL, on one that each thread keeps for SQLite.
"""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpResponse
from django.urls import path
from psycopg.conninfo import conninfo_to_dict
from waiting import POOL_SIZE, SLEEPS, compute, sleeping

address = conninfo_to_dict(os.environ.get("BENCH_POSTGRESQL", ""))
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": address.get("host"),
            "PORT": address.get("port"),
            "NAME": address.get("dbname"),
            "USER": address.get("user"),
            "PASSWORD": address.get("password"),
            "OPTIONS": {"pool": {"min_size": POOL_SIZE, "max_size": POOL_SIZE}},
        },
        "sqlite": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_SQLITE"],
            "CONN_MAX_AGE": None,
        },
    },
)
django.setup()


def user(_request, number):
    return HttpResponse(f"<h1>user {number}</h1>")


def reading(database):
    def view(_request, number):
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT name FROM item WHERE id = %s", [number])
            return HttpResponse(f"<h1>{cursor.fetchone()[0]}</h1>")

    return view


def page(make):
    def view(_request):
        return HttpResponse(make())

    return view


urlpatterns = [
    path("user/<int:number>", user),
    path("postgresql/<int:number>", reading("default")),
    path("sqlite/<int:number>", reading("sqlite")),
    path("compute", page(compute)),
    *(path(f"sleep/{each}", page(sleeping(each))) for each in SLEEPS),
]

app = get_wsgi_application()
