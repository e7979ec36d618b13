// A command that tries to outlive its own end. survivor MODE PROGRAM ARG…: leaves PROGRAM running, and ends with 0.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static char **program;

static void detach(void) {
  setsid();
  prctl(PR_SET_PDEATHSIG, 0);
  for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
}

static void run(void) {
  execvp(program[0], program);
  _exit(127);
}

static void live_on(void) {
  if (fork() == 0) {
    detach();
    if (fork() == 0) run();
    _exit(0);
  }
  wait(NULL);
}

static int asleep(void *_) {
  for (;;) pause();
}

static int run_in_thread(void *_) {
  usleep(50000);
  run(); // as the thread of a process whose leader has exited
  return 0;
}

#ifdef __x86_64__
// What the other process runs from here on: it asks for no signal when its parent dies, makes a thread, and its leader
// exits. The thread closes stdout and stderr, tells bwrap on the eventfd that the command has exited with 0, and sleeps.
extern char code_start[], code_end[], code_fd[];
__asm__(".globl code_start, code_end, code_fd\n"
        "code_start:\n mov $157,%eax\n mov $1,%edi\n xor %esi,%esi\n syscall\n"
        " mov $56,%eax\n mov $0x50f00,%edi\n lea 2048(%r15),%rsi\n xor %edx,%edx\n xor %r10d,%r10d\n xor %r8d,%r8d\n syscall\n"
        " test %rax,%rax\n jz 1f\n mov $60,%eax\n xor %edi,%edi\n syscall\n"
        "1: lea 3072(%r15),%rdi\n xor %esi,%esi\n mov $35,%eax\n syscall\n"
        " mov $3,%eax\n mov $1,%edi\n syscall\n mov $3,%eax\n mov $2,%edi\n syscall\n"
        " mov $1,%eax\n mov code_fd(%rip),%edi\n lea 3104(%r15),%rsi\n mov $8,%edx\n syscall\n"
        "2: lea 3120(%r15),%rdi\n xor %esi,%esi\n mov $35,%eax\n syscall\n jmp 2b\n"
        ".align 4\ncode_fd: .long 0\ncode_end:\n");

static void put(pid_t pid, unsigned long at, const void *from, size_t size) {
  char bytes[4096] = {0};
  memcpy(bytes, from, size);
  for (size_t i = 0; i < size; i += 8) {
    long word;
    memcpy(&word, bytes + i, 8);
    if (ptrace(PTRACE_POKEDATA, pid, at + i, word)) exit(3);
  }
}

static void take_over(pid_t pid) {
  int status, eventfd = -1;
  char path[64], target[256];
  for (int fd = 3; fd < 64; fd++) {
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    ssize_t length = readlink(path, target, 255);
    if (length > 0 && memmem(target, length, "eventfd", 7)) eventfd = fd;
  }
  if (eventfd < 0 || ptrace(PTRACE_SEIZE, pid, 0, 0)) exit(4);
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  waitpid(pid, &status, __WALL);
  struct user_regs_struct before, regs;
  ptrace(PTRACE_GETREGS, pid, 0, &before);
  regs = before;
  regs.rip -= 2; // the system call that it waits in
  regs.rax = SYS_mmap, regs.orig_rax = -1, regs.rdi = 0, regs.rsi = 8192, regs.rdx = PROT_READ | PROT_WRITE | PROT_EXEC;
  regs.r10 = MAP_PRIVATE | MAP_ANONYMOUS, regs.r8 = -1, regs.r9 = 0;
  ptrace(PTRACE_SETREGS, pid, 0, &regs);
  for (int i = 0; i < 2; i++) ptrace(PTRACE_SYSCALL, pid, 0, 0), waitpid(pid, &status, __WALL);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  unsigned long map = regs.rax;
  put(pid, map, code_start, code_end - code_start);
  put(pid, map + (code_fd - code_start), &eventfd, 4);
  long moment[2] = {0, 50000000}, hour[2] = {3600, 0}, one = 1;
  put(pid, map + 3072, moment, 16), put(pid, map + 3104, &one, 8), put(pid, map + 3120, hour, 16);
  regs = before;
  regs.rip = map, regs.r15 = map, regs.orig_rax = -1, regs.rax = 0;
  ptrace(PTRACE_SETREGS, pid, 0, &regs);
  ptrace(PTRACE_DETACH, pid, 0, 0);
}
#else
static void take_over(pid_t pid) { exit(5); }
#endif

int main(int count, char **arguments) {
  const char *mode = arguments[1];
  static char stack[65536];
  program = arguments + 2;
  if (count < 3) return 2;
  if (!strcmp(mode, "takeover")) {
    live_on();
    printf("left\n");
    fflush(stdout);
    take_over(1);
    sleep(20);
    return 7; // unless process 1 has said that this is over, with 0
  } else if (!strcmp(mode, "detached")) {
    live_on();
  } else if (!strcmp(mode, "stopped")) {
    if (fork() == 0) {
      detach();
      if (fork() == 0) run();
      raise(SIGSTOP); // the parent that nobody can wait for
      _exit(0);
    }
    live_on();
  } else if (!strcmp(mode, "vfork")) {
    if (fork() == 0) {
      detach();
      if (vfork() == 0) run();
      clone(asleep, stack + sizeof stack, CLONE_VM | CLONE_VFORK, NULL); // waits in the kernel
    }
  } else if (!strcmp(mode, "traced")) {
    pid_t traced = fork();
    if (traced == 0) {
      detach();
      run();
    }
    if (fork() == 0) {
      detach();
      ptrace(PTRACE_SEIZE, traced, 0, PTRACE_O_TRACEEXIT); // its end, too, waits for the tracer
      if (fork() == 0) run();
      asleep(NULL);
    }
  } else if (!strcmp(mode, "zombies")) {
    for (int i = 0; i < 50; i++)
      if (fork() == 0) {
        detach();
        if (fork() == 0) _exit(0); // never waited for
        asleep(NULL);
      }
    live_on();
  } else if (!strcmp(mode, "leaderless")) {
    if (fork() == 0) {
      detach();
      clone(run_in_thread, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL);
      syscall(SYS_exit, 0);
    }
  } else if (!strcmp(mode, "namespace")) {
    if (unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0) printf("made a pid namespace\n");
    live_on();
  } else if (!strcmp(mode, "pipes")) {
    if (fork() == 0) { // with the command's own output held open
      setsid();
      for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
      run();
    }
  } else
    return 2;
  struct stat alive; // what goes on has written something
  for (int i = 0; i < 400 && (stat("alive", &alive) || alive.st_size <= 2); i++) usleep(25000);
  printf("left\n");
  fflush(stdout);
  return 0;
}
