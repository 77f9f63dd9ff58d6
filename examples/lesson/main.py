from views import blog, index

URLS = {
    '/': index,
    '/blog': blog,
}
