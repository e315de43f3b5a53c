#pragma once
/// Types and constants only: the library is opened with dlopen when the first disk of a server is.
#include <dlfcn.h>
#include <libnbd.h>
#include <sys/eventfd.h>

/// The functions that are used, of the types that the header declares.
typedef struct {
    __typeof__(nbd_create) *create;
    __typeof__(nbd_close) *close;
    __typeof__(nbd_get_error) *error;
    __typeof__(nbd_get_errno) *errorNumber;
    __typeof__(nbd_set_export_name) *setExport;
    __typeof__(nbd_set_tls) *setTLS;
    __typeof__(nbd_set_tls_certificates) *setCertificates;
    __typeof__(nbd_set_tls_verify_peer) *setVerification;
    __typeof__(nbd_set_tls_psk_file) *setKeys;
    __typeof__(nbd_set_tls_username) *setUser;
    __typeof__(nbd_add_meta_context) *addContext;
    __typeof__(nbd_connect_tcp) *connectTCP;
    __typeof__(nbd_connect_unix) *connectUnix;
    __typeof__(nbd_get_size) *size;
    __typeof__(nbd_get_block_size) *blockSize;
    __typeof__(nbd_is_read_only) *isReadOnly;
    __typeof__(nbd_can_zero) *canZero;
    __typeof__(nbd_can_trim) *canTrim;
    __typeof__(nbd_can_flush) *canFlush;
    __typeof__(nbd_can_meta_context) *canContext;
    __typeof__(nbd_aio_pread) *read;
    __typeof__(nbd_aio_pwrite) *write;
    __typeof__(nbd_aio_zero) *zero;
    __typeof__(nbd_aio_trim) *trim;
    __typeof__(nbd_aio_flush) *flush;
    __typeof__(nbd_aio_block_status) *status;
    __typeof__(nbd_aio_command_completed) *isCompleted;
    __typeof__(nbd_aio_get_fd) *descriptor;
    __typeof__(nbd_aio_get_direction) *direction;
    __typeof__(nbd_aio_notify_read) *notifyRead;
    __typeof__(nbd_aio_notify_write) *notifyWrite;
    __typeof__(nbd_aio_disconnect) *disconnect;
} nearmetal_nbd;

/// Finds the functions in an opened library; whether it has them all.
static inline int nearmetal_nbd_find(void *library, nearmetal_nbd *found) {
#define NEARMETAL_FIND(field, name) \
    if (!(found->field = (__typeof__(found->field))dlsym(library, #name))) return 0
    NEARMETAL_FIND(create, nbd_create);
    NEARMETAL_FIND(close, nbd_close);
    NEARMETAL_FIND(error, nbd_get_error);
    NEARMETAL_FIND(errorNumber, nbd_get_errno);
    NEARMETAL_FIND(setExport, nbd_set_export_name);
    NEARMETAL_FIND(setTLS, nbd_set_tls);
    NEARMETAL_FIND(setCertificates, nbd_set_tls_certificates);
    NEARMETAL_FIND(setVerification, nbd_set_tls_verify_peer);
    NEARMETAL_FIND(setKeys, nbd_set_tls_psk_file);
    NEARMETAL_FIND(setUser, nbd_set_tls_username);
    NEARMETAL_FIND(addContext, nbd_add_meta_context);
    NEARMETAL_FIND(connectTCP, nbd_connect_tcp);
    NEARMETAL_FIND(connectUnix, nbd_connect_unix);
    NEARMETAL_FIND(size, nbd_get_size);
    NEARMETAL_FIND(blockSize, nbd_get_block_size);
    NEARMETAL_FIND(isReadOnly, nbd_is_read_only);
    NEARMETAL_FIND(canZero, nbd_can_zero);
    NEARMETAL_FIND(canTrim, nbd_can_trim);
    NEARMETAL_FIND(canFlush, nbd_can_flush);
    NEARMETAL_FIND(canContext, nbd_can_meta_context);
    NEARMETAL_FIND(read, nbd_aio_pread);
    NEARMETAL_FIND(write, nbd_aio_pwrite);
    NEARMETAL_FIND(zero, nbd_aio_zero);
    NEARMETAL_FIND(trim, nbd_aio_trim);
    NEARMETAL_FIND(flush, nbd_aio_flush);
    NEARMETAL_FIND(status, nbd_aio_block_status);
    NEARMETAL_FIND(isCompleted, nbd_aio_command_completed);
    NEARMETAL_FIND(descriptor, nbd_aio_get_fd);
    NEARMETAL_FIND(direction, nbd_aio_get_direction);
    NEARMETAL_FIND(notifyRead, nbd_aio_notify_read);
    NEARMETAL_FIND(notifyWrite, nbd_aio_notify_write);
    NEARMETAL_FIND(disconnect, nbd_aio_disconnect);
#undef NEARMETAL_FIND
    return 1;
}
