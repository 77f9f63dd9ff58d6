/* A compiled reader of plain request heads, for Fanlight.
 *
 * In: received bytes. Out: a `PlainHead` if they begin with a whole, valid and plain head; in every other case None, and
 * Fanlight's own reader, which is written in Python, reads the same bytes again. So nothing is refused here: whether a
 * message is valid, and why not, is decided and worded in Python alone, and None is always a correct result.
 *
 * Plain is what nearly every GET is (RFC 9112 sections 2 to 6, RFC 9110 section 5):
 *   - a request line `METHOD /path HTTP/1.1` with one of the methods below and single spaces;
 *   - exactly one valid Host, and no name twice;
 *   - no content and no expectation: no Content-Length, Transfer-Encoding or Expect;
 *   - no Connection, or `keep-alive`.
 *
 * Memory: only a `bytes` object is read. It ends in a NUL that is not counted in its size, so that reading the byte at
 * `end` is allowed, and each loop over a table stops there: a NUL is allowed nowhere in a head. */

#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030b0000 /* one wheel for CPython 3.11 and all later versions */
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#define INTERFACE 1 /* what fanlight/wire/http1/plain_head.py expects; raised by every change of what is below */
#define MAX_FIELDS 64
#define MAX_NAME 64

typedef unsigned char byte;
typedef struct {
    const byte *start, *end;
} Text;
typedef struct {
    Text name, value;
    unsigned hash; /* of the name in lower case */
} Field;

/* Of each byte that may be in a token (RFC 9110 section 5.6.2), its lower case; 0 for all others. */
static const byte TOKEN[256] = {
    ['!'] = '!', ['#'] = '#', '$', '%', '&', '\'', ['*'] = '*', '+', ['-'] = '-', '.', ['^'] = '^', '_', '`',
    ['|'] = '|', ['~'] = '~', ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
};

static const char *const METHODS[] = {"GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "TRACE "};
#define METHOD_COUNT (sizeof METHODS / sizeof METHODS[0])
static const char VERSION[] = " HTTP/1.1\r\n";

/* --- reading, without Python ------------------------------------------------------------------ */

/* Whether a text is this one, which is in lower case. */
static int is_same(Text text, const char *other, Py_ssize_t size) {
    if (text.end - text.start != size)
        return 0;
    for (Py_ssize_t i = 0; i < size; i++)
        if (TOKEN[text.start[i]] != (byte)other[i])
            return 0;
    return 1;
}
#define IS(text, literal) is_same(text, literal, sizeof literal - 1)

/* RFC 9110 section 5.5: no control character but the tab. One loop without a branch, which compilers vectorise. */
static int is_value(Text text) {
    byte wrong = 0;
    for (const byte *p = text.start; p < text.end; p++)
        wrong |= ((*p < 0x20) & (*p != '\t')) | (*p == 0x7f);
    return !wrong;
}

/* RFC 9110 section 7.2: a name or an IPv4 address, and perhaps a port. */
static int is_host(Text text) {
    const byte *p = text.start;
    while (p < text.end && (((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') || (*p >= '0' && *p <= '9') || *p == '.'
                            || *p == '-' || *p == '_' || *p == '~'))
        p++;
    if (p == text.start || p - text.start > 255)
        return 0;
    if (p == text.end)
        return 1;
    if (*p++ != ':' || text.end - p > 5)
        return 0;
    int port = 0;
    for (; p < text.end && *p >= '0' && *p <= '9'; p++)
        port = port * 10 + (*p - '0');
    return p == text.end && port <= 65535;
}

/* Read one field line (RFC 9112 section 5); return where the next one begins, NULL if this one is not valid. */
static const byte *read_field(const byte *p, const byte *end, Field *field) {
    unsigned hash = 2166136261u; /* FNV-1a */
    field->name.start = p;
    for (byte lower; (lower = TOKEN[*p]); p++)
        hash = (hash ^ lower) * 16777619u;
    field->name.end = p;
    field->hash = hash;
    if (p == field->name.start || p - field->name.start > MAX_NAME || p >= end || *p != ':')
        return NULL;
    Text value = {p + 1, memchr(p + 1, '\r', end - p - 1)};
    if (!value.end || value.end[1] != '\n' || !is_value(value))
        return NULL;
    p = value.end + 2;
    while (value.start < value.end && (*value.start == ' ' || *value.start == '\t'))
        value.start++;
    while (value.end > value.start && (value.end[-1] == ' ' || value.end[-1] == '\t'))
        value.end--;
    field->value = value;
    return p;
}

/* Check all field lines; return where the empty line behind them begins, NULL if the head is not plain. */
static const byte *check_fields(const byte *p, const byte *end, Py_ssize_t max_fields) {
    unsigned hashes[MAX_FIELDS];
    Py_ssize_t count = 0;
    int has_host = 0;
    while (p < end && *p != '\r') {
        Field field;
        p = read_field(p, end, &field);
        if (!p || count >= max_fields || count >= MAX_FIELDS)
            return NULL;
        /* The same name twice has the same hash. Two names that share one are taken for a repeated one: not plain. */
        for (Py_ssize_t i = 0; i < count; i++)
            if (hashes[i] == field.hash)
                return NULL;
        hashes[count++] = field.hash;
        if (IS(field.name, "host")) {
            if (!is_host(field.value))
                return NULL;
            has_host = 1;
        }
        else if (IS(field.name, "connection")) {
            if (field.value.end - field.value.start != 10 || memcmp(field.value.start, "keep-alive", 10))
                return NULL;
        }
        else if (IS(field.name, "content-length") || IS(field.name, "transfer-encoding") || IS(field.name, "expect"))
            return NULL;
    }
    return has_host && end - p >= 2 && p[1] == '\n' ? p : NULL;
}

/* --- what Python sees ------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *method, *target, *path, *query, *target_authority; /* str */
    PyObject *block;                                             /* bytes: all field lines, each with its CR LF */
    Py_ssize_t end;                                              /* of the head in what it was read from */
} PlainHead;

static PyObject *text_of(const byte *start, const byte *end) {
    return PyUnicode_DecodeLatin1((const char *)start, end - start, NULL);
}

/* read(data, start, max_bytes, max_fields): the plain head that begins at data[start], or None. */
static PyObject *read_head(PyObject *cls, PyObject *const *args, Py_ssize_t count) {
    if (count != 4)
        return PyErr_Format(PyExc_TypeError, "read() takes 4 arguments by position");
    if (!PyBytes_CheckExact(args[0])) /* a bytearray: a head that has arrived in pieces */
        Py_RETURN_NONE;
    const byte *data = (const byte *)PyBytes_AsString(args[0]);
    Py_ssize_t size = PyBytes_Size(args[0]), start = PyLong_AsSsize_t(args[1]);
    Py_ssize_t max_bytes = PyLong_AsSsize_t(args[2]), max_fields = PyLong_AsSsize_t(args[3]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 0 || start >= size || max_bytes < 0)
        Py_RETURN_NONE;
    const byte *line = data + start, *end = size - start > max_bytes ? line + max_bytes : data + size;

    size_t method = 0; /* strncmp() reads no further than to the first difference, or a NUL */
    while (method < METHOD_COUNT && strncmp((const char *)line, METHODS[method], strlen(METHODS[method])))
        method++;
    if (method == METHOD_COUNT)
        Py_RETURN_NONE;
    const byte *target = line + strlen(METHODS[method]), *query = NULL, *p = target;
    if (*target != '/')
        Py_RETURN_NONE;
    for (; *p > 0x20 && *p < 0x7f && *p != '#'; p++)
        if (*p == '?' && !query)
            query = p;
    if (end - p < (Py_ssize_t)sizeof VERSION || memcmp(p, VERSION, sizeof VERSION - 1))
        Py_RETURN_NONE;
    const byte *block = p + sizeof VERSION - 1, *block_end = check_fields(block, end, max_fields);
    if (!block_end)
        Py_RETURN_NONE;

    PlainHead *head = (PlainHead *)PyType_GenericAlloc((PyTypeObject *)cls, 0);
    if (!head)
        return NULL;
    head->method = PyUnicode_FromStringAndSize(METHODS[method], target - line - 1);
    if (head->method)
        PyUnicode_InternInPlace(&head->method); /* others compare it with literals */
    head->target = text_of(target, p);
    head->path = query ? text_of(target, query) : Py_XNewRef(head->target);
    head->query = query ? text_of(query + 1, p) : PyUnicode_FromStringAndSize(NULL, 0);
    head->block = PyBytes_FromStringAndSize((const char *)block, block_end - block);
    head->end = block_end + 2 - data;
    if (!head->method || !head->target || !head->path || !head->query || !head->block)
        Py_CLEAR(head); /* there is no memory, and Python knows */
    return (PyObject *)head;
}

/* find(name): the value of the field of this name, which is in lower case; None if there is none. */
static PyObject *find(PyObject *self, PyObject *name) {
    Py_ssize_t size;
    const char *wanted = PyUnicode_AsUTF8AndSize(name, &size);
    if (!wanted)
        return NULL;
    PyObject *block = ((PlainHead *)self)->block;
    const byte *p = (const byte *)PyBytes_AsString(block), *end = p + PyBytes_Size(block);
    while (p < end) {
        const byte *line_end = memchr(p, '\r', end - p);
        Text line_name = {p, p + size};
        Field field;
        if (line_end - p > size && p[size] == ':' && is_same(line_name, wanted, size) && read_field(p, end, &field))
            return text_of(field.value.start, field.value.end);
        p = line_end + 2;
    }
    Py_RETURN_NONE;
}

/* pairs(): a list of all fields, as (name in lower case, value), in the order received. */
static PyObject *pairs(PyObject *self, PyObject *Py_UNUSED(nothing)) {
    PyObject *block = ((PlainHead *)self)->block, *list = PyList_New(0);
    const byte *p = (const byte *)PyBytes_AsString(block), *end = p + PyBytes_Size(block);
    while (list && p < end) {
        Field field;
        byte lower[MAX_NAME];
        p = read_field(p, end, &field);
        Py_ssize_t size = field.name.end - field.name.start;
        for (Py_ssize_t i = 0; i < size; i++)
            lower[i] = TOKEN[field.name.start[i]];
        PyObject *name = text_of(lower, lower + size), *value = text_of(field.value.start, field.value.end);
        PyObject *pair = name && value ? PyTuple_Pack(2, name, value) : NULL;
        if (!pair || PyList_Append(list, pair))
            Py_CLEAR(list);
        Py_XDECREF(name);
        Py_XDECREF(value);
        Py_XDECREF(pair);
    }
    return list;
}

static void dealloc(PyObject *self) {
    PlainHead *head = (PlainHead *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(head->method);
    Py_XDECREF(head->target);
    Py_XDECREF(head->path);
    Py_XDECREF(head->query);
    Py_XDECREF(head->target_authority);
    Py_XDECREF(head->block);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"method", T_OBJECT_EX, offsetof(PlainHead, method), READONLY, NULL},
    {"target", T_OBJECT_EX, offsetof(PlainHead, target), READONLY, NULL},
    {"path", T_OBJECT_EX, offsetof(PlainHead, path), READONLY, NULL},
    {"query", T_OBJECT_EX, offsetof(PlainHead, query), READONLY, NULL},
    {"target_authority", T_OBJECT_EX, offsetof(PlainHead, target_authority), 0, NULL},
    {"block", T_OBJECT_EX, offsetof(PlainHead, block), READONLY, NULL},
    {"end", T_PYSSIZET, offsetof(PlainHead, end), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))read_head, METH_CLASS | METH_FASTCALL, NULL},
    {"find", find, METH_O, NULL},
    {"pairs", pairs, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot type_slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_members, members}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec type_spec = {
    .name = "fanlight_speed.PlainHead",
    .basicsize = sizeof(PlainHead),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = type_slots,
};

static int module_exec(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &type_spec, NULL);
    int failed = !type || PyModule_AddType(module, (PyTypeObject *)type)
                 || PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "fanlight_speed", .m_slots = module_slots};

PyMODINIT_FUNC PyInit_fanlight_speed(void) {
    return PyModuleDef_Init(&module);
}
