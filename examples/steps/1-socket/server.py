import socket


def run():
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.bind(("localhost", 8000))
    server_socket.listen()
    while True:
        client_socket, address = server_socket.accept()
        request = client_socket.recv(1024)
        print(address)
        print(request)
        client_socket.sendall(b"HTTP/1.1 200 OK\r\n\r\nHello World\n")
        client_socket.close()


if __name__ == "__main__":
    run()
