// swap DIRECTORY LINK SECONDS: exchanges the two names as fast as it can.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **arguments) {
  time_t end = time(NULL) + atoi(arguments[3]);
  while (time(NULL) < end)
    for (int i = 0; i < 1000; i++) renameat2(AT_FDCWD, arguments[1], AT_FDCWD, arguments[2], RENAME_EXCHANGE);
  return 0;
}
