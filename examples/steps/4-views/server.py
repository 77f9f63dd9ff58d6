import socket

from views import blog, index

URLS = {
    "/": index,
    "/blog": blog,
}


def parse_request(request):
    parsed = request.split(" ")
    method = parsed[0]
    url = parsed[1]
    return method, url


def generate_response(request):
    method, url = parse_request(request)
    print(method, url)
    if url in URLS:
        view = URLS[url]
        body = view()
    else:
        body = "<h1>nothing here</h1>\n"
    return ("HTTP/1.1 200 OK\r\n\r\n" + body).encode()


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
