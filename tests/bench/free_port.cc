// free_port: prints a port of 127.0.0.1 the kernel chose, for programs that cannot ask for port 0 themselves (nginx).
// Another program may take it in between: whoever starts a server on it tries again with a new one.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    perror("free_port");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
}
