"""Django: the same pages with their sessions in signed cookies; the user is one of its values, without a database."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a secret of thirty-two characters or more",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    USE_TZ=True,
)
django.setup()


def begin(request):
    user = request.GET.get("user")
    number = int(request.GET["number"])
    request.session.update({"theme": "dark", "seen": [1, 2, 3], "visits": number, "user": user and int(user)})
    return HttpResponse("begun")


def page(request):
    return HttpResponse(f"<h1>{request.session['visits']} {request.session['user']}</h1>")


def count(request):
    request.session["visits"] += 1
    return HttpResponse(f"<h1>{request.session['visits']} visits</h1>")


urlpatterns = [path("begin", begin), path("page", page), path("count", count)]

app = get_wsgi_application()
