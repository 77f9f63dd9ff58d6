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

#define INTERFACE 2 /* what fanlight/wire/http1/head_reader.py expects; raised by every change of what is below */
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
    PyObject *method, *target, *path, *query, *target_authority; /* str; the last one may be NULL: None */
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
    {"target_authority", T_OBJECT, offsetof(PlainHead, target_authority), 0, NULL},
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

/* --- lines of the access log ------------------------------------------------------------------ */

#define MAX_TARGET 1600 /* as in fanlight/server/recording/formats.py */
enum { ENDED, SECONDS, METHOD, TARGET, FIELDS, REASON = 11 };

typedef struct {
    char *data;
    Py_ssize_t size, room;
} Lines;

static int add(Lines *lines, const char *data, Py_ssize_t size) {
    if (lines->room - lines->size <= size) {
        Py_ssize_t room = 2 * lines->room + size + 8192;
        char *larger = PyMem_Realloc(lines->data, room);
        if (!larger)
            return PyErr_NoMemory(), -1;
        lines->data = larger, lines->room = room;
    }
    memcpy(lines->data + lines->size, data, size);
    lines->size += size;
    return 1;
}

static int add_text(Lines *lines, PyObject *text) {
    Py_ssize_t size;
    const char *data = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    return data ? add(lines, data, size) : -1;
}

/* A number, with so many digits at least; a point stands before the last `decimals` of them. */
static int add_number(Lines *lines, long long number, int digits, int decimals) {
    char buffer[24], *p = buffer + sizeof buffer;
    for (int i = 0; number || i < digits; i++, number /= 10) {
        if (decimals && i == decimals)
            *--p = '.';
        *--p = '0' + number % 10;
    }
    return add(lines, p, buffer + sizeof buffer - p);
}

/* Seconds as milliseconds; 0 for what Python has to round: what is long, negative, or near the middle of two. */
static int add_milliseconds(Lines *lines, PyObject *seconds, int decimals) {
    double number = PyFloat_AsDouble(seconds) * (decimals == 1 ? 1e4 : 1e6);
    if (PyErr_Occurred())
        return -1;
    if (!(number >= 0 && number < (decimals == 1 ? 999 : 1e9)))
        return 0;
    long long below = (long long)number;
    double rest = number - (double)below;
    return rest > 0.499 && rest < 0.501 ? 0 : add_number(lines, below + (rest > 0.5), decimals + 1, decimals);
}

/* Whether a request line needs no escaping, cutting or redaction; where it may have a secret, `has_none` decides. */
static int is_plain(PyObject *method, PyObject *target, PyObject *has_none) {
    Py_ssize_t size, length, i = 0;
    size_t known = 0;
    const char *name = PyUnicode_AsUTF8AndSize(method, &length);
    const char *text = name ? PyUnicode_AsUTF8AndSize(target, &size) : NULL;
    if (!text)
        return PyErr_Clear(), 0;
    while (known < METHOD_COUNT
           && ((Py_ssize_t)strlen(METHODS[known]) != length + 1 || memcmp(name, METHODS[known], length)))
        known++;
    int is_asked = 0;
    for (; i < size && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\'; i++)
        is_asked |= (text[i] == '=') | (text[i] == '@');
    if (known == METHOD_COUNT || !size || i < size || size > MAX_TARGET)
        return 0;
    if (!is_asked)
        return 1;
    PyObject *answer = PyObject_CallFunctionObjArgs(has_none, method, target, NULL);
    int is_true = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return is_true;
}

/* Add one part of a line: 1, 0 if Python has to make the line, or -1 for an error. */
static int add_part(Lines *lines, char kind, PyObject *value, PyObject *part, double fraction) {
    int done;
    switch (kind) {
    case 'l': /* the part itself */
        return add_text(lines, part);
    case 't': /* what stands for the value in a table */
        value = PyObject_GetItem(part, value);
        done = add_text(lines, value);
        Py_XDECREF(value);
        return done;
    case 's':
        return add_text(lines, value);
    case 'i': { /* an id, in its field line */
        Py_ssize_t size = PyBytes_CheckExact(value) ? PyBytes_Size(value) - 16 : -1;
        return size < 0 ? 0 : add(lines, PyBytes_AsString(value) + 14, size);
    }
    case 'd': {
        long long number = PyLong_CheckExact(value) ? PyLong_AsLongLong(value) : -1;
        return PyErr_Occurred() ? -1 : number < 0 ? 0 : add_number(lines, number, 1, 0);
    }
    case 'f':
        return add_number(lines, (long long)(fraction * 1000), 3, 0);
    case '1': /* so many decimals */
    case '3':
        return add_milliseconds(lines, value, kind - '0');
    default:
        return 0;
    }
}

/* lines(entries, start, began, recipe, parts, has_no_secret): the lines of the plain entries of the second that began
 * then, and the position of the first entry that is not one of them. The recipe has two bytes for each part: its kind,
 * and the item of the entry; from 32 on, of its fields. */
static PyObject *make_lines(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *entries, *parts, *has_no_secret, *made = NULL;
    Py_ssize_t at, steps;
    double began;
    const char *recipe;
    if (!PyArg_ParseTuple(args, "O!ndy#O!O", &PyList_Type, &entries, &at, &began, &recipe, &steps, &PyTuple_Type, &parts,
                          &has_no_secret))
        return NULL;
    Lines lines = {NULL, 0, 0};
    Py_ssize_t whole = 0;
    int done = 1;
    for (; at < PyList_Size(entries); at++, whole = lines.size) {
        PyObject *entry = PyList_GetItem(entries, at), *reason = NULL, *fields = NULL;
        if (!entry || !(reason = PyTuple_GetItem(entry, REASON))) {
            done = -1;
            break;
        }
        Py_INCREF(entry); /* a table may run Python */
        double fraction = PyFloat_AsDouble(PyTuple_GetItem(entry, ENDED)) - began;
        fields = PyTuple_GetItem(entry, FIELDS);
        done = PyErr_Occurred() ? -1 : fraction >= 0 && fraction < 1 && PyUnicode_GetLength(reason) == 0;
        if (done > 0)
            done = is_plain(PyTuple_GetItem(entry, METHOD), PyTuple_GetItem(entry, TARGET), has_no_secret);
        for (Py_ssize_t i = 0; done > 0 && i + 1 < steps; i += 2) {
            Py_ssize_t item = (byte)recipe[i + 1];
            PyObject *part = PyTuple_GetItem(parts, i / 2);
            if (item >= 32 && !PyTuple_Check(fields))
                done = 0;
            else {
                PyObject *value = item < 32 ? PyTuple_GetItem(entry, item) : PyTuple_GetItem(fields, item - 32);
                done = part && value ? add_part(&lines, recipe[i], value, part, fraction) : -1;
            }
        }
        Py_DECREF(entry);
        if (done <= 0)
            break;
    }
    if (done >= 0)
        made = Py_BuildValue("s#n", lines.data ? lines.data : "", whole, at);
    PyMem_Free(lines.data);
    return made;
}

static PyMethodDef functions[] = {{"lines", make_lines, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

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
static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "fanlight_speed", .m_methods = functions, .m_slots = module_slots};

PyMODINIT_FUNC PyInit_fanlight_speed(void) {
    return PyModuleDef_Init(&module);
}
