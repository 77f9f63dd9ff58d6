"""Django: a small page, and a posted JSON that is sent back; with the one middleware that sets content-length."""

import json

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
django.setup()


def page(_: HttpRequest) -> HttpResponse:
    return HttpResponse("<h1>user 42</h1>")


def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse(json.loads(request.body))


urlpatterns = [path("page", page), path("json", echo)]
app = get_wsgi_application()
