"""What the journal holds. A real site would keep it in a database."""

from dataclasses import dataclass, field
from datetime import date


@dataclass
class Post:
    slug: str
    title: str
    day: date
    text: str
    comments: list[str] = field(default_factory=list)


POSTS = [
    Post(
        "over-the-door",
        "Over the door",
        date(2026, 3, 2),
        "A fanlight is the half-round window above a front door. By day it lets the morning into the hall. "
        "By night the lamp inside shines out of it, and whoever comes home late finds the keyhole.",
    ),
    Post(
        "small-panes",
        "Why the panes are small",
        date(2026, 3, 9),
        "Glass was once blown, not rolled. A big flat sheet was more than a pair of lungs could make. "
        "So builders set many small panes in lead, and made a pattern of what they could not avoid.",
    ),
    Post(
        "sitting-north",
        "A desk that looks north",
        date(2026, 3, 16),
        "Painters want a north window, because the light stays the same from breakfast until supper. "
        "So do people who read screens, though they seldom say why.",
    ),
]


def newest_first():
    return sorted(POSTS, key=lambda post: post.day, reverse=True)


def find(slug):
    return next((post for post in POSTS if post.slug == slug), None)


def containing(words):
    return [post for post in newest_first() if words.lower() in f"{post.title} {post.text}".lower()]
