URLS = {
    '/': 'home',
    '/blog': 'Hello World',
}
