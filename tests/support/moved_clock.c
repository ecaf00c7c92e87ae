/* Lets a server believe that its clock has been set: what it asks of the time of day is moved by so many seconds as the
   file CLOCK_MOVED_BY holds, a long, at that moment. Clocks that only go on are left alone, as by somebody who sets one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *seconds;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("CLOCK_MOVED_BY");
    int file = path ? open(path, O_RDONLY) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);

    if (found != MAP_FAILED)
        seconds = found;
    if (file >= 0)
        close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = (int) syscall(SYS_clock_gettime, clock, now);

    if (status == 0 && seconds && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *seconds;
    return status;
}

int gettimeofday(struct timeval *now, void *zone)
{
    int status = (int) syscall(SYS_gettimeofday, now, zone);

    if (status == 0 && seconds)
        now->tv_sec += *seconds;
    return status;
}

time_t time(time_t *out)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
