/** What forkbox needs in an image, and that the smallest system that runs commands lacks. */
export const TOOLS = ["chroot", "dd", "mkfifo", "mv", "readlink", "rmdir", "sleep", "tail", "tee", "wc"];
