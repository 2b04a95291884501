/* Makes the n-th call that touches a folder fail: a full or broken disk, or a death in the middle of a write.
 *
 * `fault_arm` points the imported symbols of all loaded objects (their global offset tables) to the functions below, so
 * a process arms itself after it has loaded what it needs. Calls that libc makes inside itself are not seen: those of a
 * FILE* after its fopen, and what goes through mapped memory. Linux only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __aarch64__
#define JUMP R_AARCH64_JUMP_SLOT
#define DATA R_AARCH64_GLOB_DAT
#else
#define JUMP R_X86_64_JUMP_SLOT
#define DATA R_X86_64_GLOB_DAT
#endif

/* Of a call: open to read, create or open to write, write, flush, name, make a folder, resize, read, delete. */
enum {
    OPEN = 'o', CREATE = 'c', WRITE = 'w', FLUSH = 'f', NAME = 'n', FOLDER = 'm', SIZE = 's', READ = 'r', DELETE = 'd'
};
enum { COUNT, ONCE, STAYS, HALF, KILL, TORN };  /* what becomes of the n-th call; HALF stays as well */
enum { MOST = 1 << 16 };

/* Shared with the process that looks on. */
struct seen {
    long calls, failed;
    char path[1024];
    char kinds[MOST];
};

static struct seen *seen;
static char below[4096];
static const char *failing;  /* the kinds of calls that fail from then on */
static int mode, error_number;
static long number;

/* Whether a path, or an open file where there is none, is of the folder; its whole name. */
static int within(int folder, const char *path, char *full) {
    char link[64];
    full[0] = 0;
    if (path == NULL || path[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, full, 2048);
        if (length < 0) return 0;
        full[length] = 0;
    }
    if (path != NULL) {
        if (full[0]) strcat(full, "/");
        strncat(full, path, 2000);
    }
    size_t length = strlen(below);
    return strncmp(full, below, length) == 0 && (full[length] == '/' || full[length] == 0);
}

/* Whether a call is to fail: 0 no, 1 yes, 2 after half of it. It may not return. */
static int fails(char kind, int folder, const char *path) {
    char full[4200];
    int saved = errno;
    if (seen == NULL || !within(folder, path, full)) return errno = saved, 0;
    long call = __atomic_add_fetch(&seen->calls, 1, __ATOMIC_SEQ_CST);
    if (call <= MOST) seen->kinds[call - 1] = kind;
    errno = saved;
    if (mode == COUNT || call < number) return 0;
    if (call == number) {
        seen->failed = call;
        strncpy(seen->path, full, sizeof seen->path - 1);
        if (mode == KILL) kill(getpid(), SIGKILL);
        if (mode == HALF || mode == TORN) return 2;
        return errno = error_number, 1;
    }
    if ((mode != STAYS && mode != HALF) || strchr(failing, kind) == NULL) return 0;
    if (kind == CREATE && error_number == ENOSPC && faccessat(folder, path, F_OK, 0) == 0) return errno = saved, 0;
    return errno = error_number, 1;
}

/* What a write returns that did half of its work, if it returns. */
static ssize_t half(ssize_t written) {
    if (mode == TORN) kill(getpid(), SIGKILL);
    return written;
}

#define MODE va_list rest; va_start(rest, flags); int permissions = va_arg(rest, int); va_end(rest)
#define KIND(flags) ((flags) & (O_CREAT | O_WRONLY | O_RDWR) && !((flags) & O_DIRECTORY) ? CREATE : OPEN)

static int at_open(const char *path, int flags, ...) {
    MODE;
    return fails(KIND(flags), AT_FDCWD, path) ? -1 : open(path, flags, permissions);
}
static int at_openat(int folder, const char *path, int flags, ...) {
    MODE;
    return fails(KIND(flags), folder, path) ? -1 : openat(folder, path, flags, permissions);
}
static FILE *at_fopen(const char *path, const char *how) {
    return fails(how[0] == 'r' && strchr(how, '+') == NULL ? OPEN : CREATE, AT_FDCWD, path) ? NULL : fopen(path, how);
}
static ssize_t at_write(int handle, const void *data, size_t size) {
    int answer = fails(WRITE, handle, NULL);
    return answer == 1 ? -1 : answer ? half(write(handle, data, size / 2)) : write(handle, data, size);
}
static ssize_t at_pwrite(int handle, const void *data, size_t size, off_t where) {
    int answer = fails(WRITE, handle, NULL);
    return answer == 1 ? -1
         : answer ? half(pwrite(handle, data, size / 2, where)) : pwrite(handle, data, size, where);
}
static ssize_t at_writev(int handle, const struct iovec *parts, int count) {
    int answer = fails(WRITE, handle, NULL);
    return answer == 1 ? -1 : answer ? half(writev(handle, parts, count / 2)) : writev(handle, parts, count);
}
static ssize_t at_sendfile(int to, int from, off_t *where, size_t size) {
    struct stat status;
    size_t part = fstat(from, &status) == 0 ? (size_t)status.st_size / 2 : size / 2;
    int answer = fails(WRITE, to, NULL);
    return answer == 1 ? -1 : answer ? half(sendfile(to, from, where, part)) : sendfile(to, from, where, size);
}
static ssize_t at_copy(int from, off64_t *at, int to, off64_t *where, size_t size, unsigned flags) {
    return fails(WRITE, to, NULL) ? -1 : copy_file_range(from, at, to, where, size, flags);
}
static ssize_t at_read(int handle, void *data, size_t size) {
    return fails(READ, handle, NULL) ? -1 : read(handle, data, size);
}
static ssize_t at_pread(int handle, void *data, size_t size, off_t where) {
    return fails(READ, handle, NULL) ? -1 : pread(handle, data, size, where);
}
static int at_fsync(int handle) { return fails(FLUSH, handle, NULL) ? -1 : fsync(handle); }
static int at_fdatasync(int handle) { return fails(FLUSH, handle, NULL) ? -1 : fdatasync(handle); }
static int at_ftruncate(int handle, off_t size) { return fails(SIZE, handle, NULL) ? -1 : ftruncate(handle, size); }
static int at_rename(const char *from, const char *to) {
    return fails(NAME, AT_FDCWD, to) ? -1 : rename(from, to);
}
static int at_renameat(int a, const char *from, int b, const char *to) {
    return fails(NAME, b, to) ? -1 : renameat(a, from, b, to);
}
static int at_link(const char *from, const char *to) { return fails(NAME, AT_FDCWD, to) ? -1 : link(from, to); }
static int at_linkat(int a, const char *from, int b, const char *to, int flags) {
    return fails(NAME, b, to) ? -1 : linkat(a, from, b, to, flags);
}
static int at_symlink(const char *from, const char *to) { return fails(NAME, AT_FDCWD, to) ? -1 : symlink(from, to); }
static int at_mkdir(const char *path, mode_t how) { return fails(FOLDER, AT_FDCWD, path) ? -1 : mkdir(path, how); }
static int at_unlink(const char *path) { return fails(DELETE, AT_FDCWD, path) ? -1 : unlink(path); }
static int at_rmdir(const char *path) { return fails(DELETE, AT_FDCWD, path) ? -1 : rmdir(path); }
static int at_unlinkat(int folder, const char *path, int flags) {
    return fails(DELETE, folder, path) ? -1 : unlinkat(folder, path, flags);
}

static const struct { const char *name; void *function; } replaced[] = {
    {"open", at_open}, {"open64", at_open}, {"openat", at_openat}, {"openat64", at_openat},
    {"fopen", at_fopen}, {"fopen64", at_fopen}, {"write", at_write}, {"pwrite", at_pwrite}, {"pwrite64", at_pwrite},
    {"writev", at_writev}, {"sendfile", at_sendfile}, {"sendfile64", at_sendfile}, {"copy_file_range", at_copy},
    {"read", at_read}, {"pread", at_pread}, {"pread64", at_pread}, {"fsync", at_fsync}, {"fdatasync", at_fdatasync},
    {"ftruncate", at_ftruncate}, {"ftruncate64", at_ftruncate}, {"rename", at_rename}, {"renameat", at_renameat},
    {"link", at_link}, {"linkat", at_linkat}, {"symlink", at_symlink}, {"mkdir", at_mkdir}, {"unlink", at_unlink},
    {"rmdir", at_rmdir}, {"unlinkat", at_unlinkat},
};

/* Point those of an object's relocations that name a replaced function to its replacement. */
static void point(ElfW(Addr) base, const ElfW(Rela) *relocations, size_t bytes, const ElfW(Sym) *symbols,
                  const char *names) {
    long page = sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < bytes / sizeof *relocations; i++) {
        unsigned type = ELF64_R_TYPE(relocations[i].r_info);
        if (type != JUMP && type != DATA) continue;
        const char *name = names + symbols[ELF64_R_SYM(relocations[i].r_info)].st_name;
        for (size_t j = 0; j < sizeof replaced / sizeof *replaced; j++) {
            if (strcmp(name, replaced[j].name) != 0) continue;
            void **slot = (void **)(base + relocations[i].r_offset);
            void *start = (void *)((ElfW(Addr))slot & -page);
            if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0) *slot = replaced[j].function;
        }
    }
}

static int visit(struct dl_phdr_info *object, size_t size, void *own) {
    (void)size;
    static const char *const kept[] = {"linux-vdso", "/libc.so", "/ld-linux"};
    for (int i = 0; i < 3; i++) if (strstr(object->dlpi_name, kept[i])) return 0;
    if (object->dlpi_addr == *(ElfW(Addr) *)own) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        const ElfW(Rela) *jumps = NULL, *data = NULL;
        const ElfW(Sym) *symbols = NULL;
        const char *names = NULL;
        size_t jump_bytes = 0, data_bytes = 0;
        const ElfW(Dyn) *entry = (void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag; entry++) {
            if (entry->d_tag == DT_JMPREL) jumps = (void *)entry->d_un.d_ptr;
            if (entry->d_tag == DT_PLTRELSZ) jump_bytes = entry->d_un.d_val;
            if (entry->d_tag == DT_RELA) data = (void *)entry->d_un.d_ptr;
            if (entry->d_tag == DT_RELASZ) data_bytes = entry->d_un.d_val;
            if (entry->d_tag == DT_SYMTAB) symbols = (void *)entry->d_un.d_ptr;
            if (entry->d_tag == DT_STRTAB) names = (void *)entry->d_un.d_ptr;
        }
        if (jumps) point(object->dlpi_addr, jumps, jump_bytes, symbols, names);
        if (data) point(object->dlpi_addr, data, data_bytes, symbols, names);
    }
    return 0;
}

/* Have all objects that are loaded now call the functions above. */
void fault_install(void) {
    Dl_info own;
    dladdr((void *)fault_install, &own);
    ElfW(Addr) base = (ElfW(Addr))own.dli_fbase;
    dl_iterate_phdr(visit, &base);
}

/* From here on, calls of this process that touch a folder are counted, and the n-th fails. */
void fault_arm(struct seen *into, const char *folder, int how, long n, int error, const char *kinds) {
    strncpy(below, folder, sizeof below - 1);
    mode = how, number = n, error_number = error, failing = strdup(kinds);
    seen = into;
}
