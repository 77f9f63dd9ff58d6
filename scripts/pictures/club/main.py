from fanlight import NotFound, Static, render

MEMBERS = {1: "Ada", 2: "Grace"}


def home():
    return render("home.html", members=MEMBERS)


def join():
    return render("join.html")


def send(name: str, email: str, age: int):
    return render("thanks.html", name=name)


def member(number: int):
    if number not in MEMBERS:
        raise NotFound(f"no member has the number {number}")
    return render("member.html", name=MEMBERS[number])


def members():
    return render("home.html", members=MEMBERS)


URLS = {
    "/": home,
    "/join": join,
    "POST /join": send,
    "/members": members,
    "/members/{number}": member,
    "/members/{number}/letters": "Letters",
    "/static": Static("static"),
}
