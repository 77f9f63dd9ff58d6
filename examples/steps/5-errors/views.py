def index():
    with open("templates/home.html") as template:
        return template.read()


def blog():
    with open("templates/blog.html") as template:
        return template.read()


def error404():
    with open("templates/error/error404.html") as template:
        return template.read()


def error405():
    with open("templates/error/error405.html") as template:
        return template.read()
