import socket

from views import blog, error404, error405, index

URLS = {
    "/": index,
    "/blog": blog,
}


def parse_request(request):
    parsed = request.split(" ")
    method = parsed[0]
    url = parsed[1]
    return method, url


def generate_headers(method, url):
    if url not in URLS:
        return "HTTP/1.1 404 Not Found\r\n\r\n", 404
    if method != "GET":
        return "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n\r\n", 405
    return "HTTP/1.1 200 OK\r\n\r\n", 200


def generate_content(code, url):
    if code == 404:
        return error404()
    if code == 405:
        return error405()
    view = URLS[url]
    return view()


def generate_response(request):
    method, url = parse_request(request)
    print(method, url)
    headers, code = generate_headers(method, url)
    body = generate_content(code, url)
    return (headers + body).encode()


def run():
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.bind(("localhost", 8000))
    server_socket.listen()
    while True:
        client_socket, _ = server_socket.accept()
        request = client_socket.recv(1024).decode()
        if request:
            client_socket.sendall(generate_response(request))
        client_socket.close()


if __name__ == "__main__":
    run()
