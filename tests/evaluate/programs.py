"""Programs that want out, want to be called right, or want everything; and how each must be classified.

OUTSIDE is a folder that everyone may write to, PORT a port that listens on this machine, NAME an abstract socket, PID the
process that runs the tests, REPOSITORY the checkout: a suite fills them in.
"""

from dataclasses import dataclass
from textwrap import dedent, indent

LIBC = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"


@dataclass(frozen=True)
class Program:
    name: str
    text: str
    tests: tuple[str, ...]
    status: str


def wrong(name: str, text: str, status: str, test: str = "assert f(2) == 4") -> Program:
    """A program that does not give what its test asks for, and tries to get away with it."""
    return Program(name, dedent(text), (test,), status)


def attempt(name: str, text: str) -> Program:
    """A program that says whether it did what it must not be able to do; a refusal is an exception."""
    body = f"def refused():\n    try:\n{indent(dedent(text).strip(), ' ' * 8)}\n    except Exception as e:\n        return True\n"
    return Program(name, body + "    return False\n", ("assert refused()",), "passed")


FORGERIES = [
    wrong("exit with success when called", "import os\ndef f(x): os._exit(0)", "crashed"),
    wrong("exit with success at once", "import os\nos._exit(0)", "crashed"),
    wrong("sys.exit at once", "import sys\nsys.exit(0)", "error"),
    wrong("sys.exit when called", "def f(x): raise SystemExit(0)", "error"),
    wrong("equal to everything", "class E:\n def __eq__(self, o): return True\ndef f(x): return E()", "failed"),
    wrong(
        "a number equal to everything",
        "class E(int):\n def __eq__(self, o): return True\ndef f(x): return E()",
        "failed",
    ),
    wrong(
        "a list equal to everything",
        "class E(list):\n def __eq__(self, o): return True\ndef f(x): return E()",
        "failed",
        test="assert f(2) == [4]",
    ),
    wrong(
        "a number that lies in arithmetic",
        "class E:\n def __sub__(self, o): return 0.0\n __rsub__ = __sub__\ndef f(x): return E()",
        "error",
        test="assert abs(f(2) - 4) < 1e-9",
    ),
    wrong(
        "a number that lies in comparisons",
        "class E:\n def __lt__(self, o): return True\n __gt__ = __lt__\ndef f(x): return E()",
        "error",
        test="assert 3 < f(2) < 5",
    ),
    wrong(
        "assertions that never fail", "import builtins\nbuiltins.AssertionError = Warning\ndef f(x): return 0", "failed"
    ),
    wrong("a patched exec", "import builtins\nbuiltins.exec = lambda *a: None\ndef f(x): return 0", "failed"),
    wrong(
        "its own set",
        "def set(x): return 0\ndef f(x): return 0",
        "failed",
        test="assert set([f(2)]) == set([4])",
    ),
    wrong(
        "another module under the name of math",
        "import operator as math\nmath.isclose = lambda *a: True\ndef f(x): return 0.0",
        "error",
        test="assert math.isclose(f(2), 4.0)",
    ),
    wrong("raise AssertionError", "def f(x): raise AssertionError", "error"),
    wrong("raise StopIteration", "def f(x): raise StopIteration", "error"),
    wrong("print a result", 'def f(x): print(\'{"status": "passed"}\', flush=True)', "failed"),
    wrong(
        "write a result to every descriptor",
        """
        import os
        def f(x):
            for fd in range(64):
                try: os.write(fd, b'{"nonce": "", "status": "passed", "reason": ""}\\n')
                except OSError: pass
        """,
        "forged",
    ),
    wrong(
        "write bytes that are no text",
        """
        import os
        def f(x):
            for fd in range(3, 64):
                try: os.write(fd, b'\\xff\\x00[[[[\\n')
                except OSError: pass
        """,
        "forged",
    ),
    wrong(
        "answer ahead",
        """
        import os
        for fd in range(3, 64):
            try: os.write(fd, b'{"id": 2, "value": 4}\\n' * 9)
            except OSError: pass
        def f(x): return 0
        """,
        "forged",
    ),
    wrong(
        "claim a value that cannot be",
        """
        import os
        def f(x):
            for fd in range(3, 64):
                try: os.write(fd, b'{"id": 2, "value": {"decimal.Decimal": [{"object": 0}], "x": 1}}\\n')
                except OSError: pass
        """,
        "forged",
    ),
    wrong(
        "give the tests their built-in functions",
        """
        import os
        for fd in range(3, 64):
            try: os.write(fd, b'{"id": 1, "names": {"f": 4, "__builtins__": {"dict": []}}}\\n')
            except OSError: pass
        """,
        "forged",
    ),
    wrong(
        "lie in abs beside the sum under test",
        "def sum(a, b): return 9\ndef abs(x): return 0",
        "error",
        test="assert abs(sum(2, 2) - 4) < 1e-9",
    ),
    wrong("end the loop over the cases", "def f(x): raise StopIteration", "error", test="assert all(map(f, [2, 3]))"),
    wrong("patch json", "import json\njson.dumps = lambda *a, **k: 'passed'\ndef f(x): return 0", "forged"),
    wrong(
        "patch the judge's module",
        "import inside.judge as j\nj.judge = lambda *a: ('passed', '')\nj.main = j.judge\ndef f(x): return 0",
        "failed",
    ),
    wrong(
        "patch the worker",
        "import inside.worker as w\nw._Worker.answer = lambda s, r: {'value': True}\ndef f(x): return 0",
        "failed",
    ),
    wrong("empty sys.modules", "import sys\nsys.modules.clear()\ndef f(x): return 0", "failed"),
    wrong("say it at exit", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0", "failed"),
    wrong("say it when collected", "class D:\n def __del__(s): print('passed')\ndef f(x): return D()", "failed"),
    wrong(
        "trace every call",
        "import sys\ndef t(frame, what, arg):\n    frame.f_trace_opcodes = True\n    return t\n"
        "sys.settrace(t)\ndef f(x): return 0",
        "failed",
    ),
    wrong("close every descriptor", "import os\nos.closerange(0, 64)\ndef f(x): return 4", "crashed"),
    wrong("kill itself", "import os\ndef f(x): os.kill(os.getpid(), 9)", "crashed"),
    wrong("an alarm", "import signal\nsignal.alarm(1)\ndef f(x): signal.pause()", "crashed"),
    wrong("recursion", "def f(x): return f(x)", "error"),
    wrong(
        "recursion without a limit",
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n"
        " def __getattr__(s, n): return getattr(s, n)\ndef f(x): return A().x",
        "crashed",
    ),
    wrong("a null pointer", LIBC + "def f(x): ctypes.string_at(0)", "crashed"),
    wrong("a value without an end", "def f(x):\n    a = []\n    a.append(a)\n    return a", "error"),
    wrong(
        "an exception without a message",
        "class E(Exception):\n def __str__(s): return 1 / 0\ndef f(x): raise E",
        "error",
    ),
    wrong("a value too large to send", "def f(x): return 'x' * (20 << 20)", "error"),
    wrong("no such function", "def g(x): return 4", "error"),
    wrong("not Python", "def f(x): retrun 4", "syntax"),
    wrong("parentheses without end", "(" * 100_000, "syntax"),
    wrong("a null byte", "def f(x): return 4\0", "syntax"),
    wrong("half a surrogate pair", "x = '\ud800'", "syntax"),
]

LIMITS = [
    wrong("a loop without end", "def f(x):\n    while True: pass", "timeout"),
    wrong(
        "a loop that ignores the warning",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef f(x):\n    while True: pass",
        "timeout",
    ),
    wrong("sleep for ever", "import time\ndef f(x): time.sleep(10**6)", "timeout"),
    wrong("stop itself", "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    wrong("a power tower", "def f(x): return (x + 7) ** (x + 7) ** (x + 7)", "timeout"),
    wrong("a slow pattern", "import re\ndef f(x): return re.match('(a+)+$', 'a' * 64 + 'b')", "timeout"),
    wrong("a flood of output", "def f(x):\n    while True: print('x' * 65536)", "timeout"),
    wrong("a flood of errors", "import os\ndef f(x):\n    while True: os.write(2, b'x' * 65536)", "timeout"),
    wrong("an endless answer", "def f(x):\n    while True: yield 0", "timeout", test="assert 4 in f(2)"),
    wrong("memory at once", "def f(x): return len(bytearray(1 << 40))", "memory"),
    wrong("memory bit by bit", "def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 20))", "memory"),
    wrong("memory at import", "a = []\nwhile True: a.append(bytearray(1 << 24))", "memory"),
    wrong(
        "a zip bomb",
        "import zlib\ndef f(x): return zlib.decompress(zlib.compress(bytes(1 << 20)), bufsize=1 << 34)",
        "memory",
    ),
    wrong("a text bomb", "def f(x):\n    a = 'é\U0001f4a3'\n    while True: a = a * 1000", "memory"),
]

PROCESSES = [
    wrong(
        "children without end",
        "import os, time\ndef f(x):\n    while True:\n        if not os.fork(): time.sleep(60)",
        "error",
    ),
    wrong("a fork bomb", "import os\ndef f(x):\n    while True: os.fork()", "error"),
    attempt(
        "a hundred threads",
        "import threading, time\n"
        "for _ in range(100): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ),
    wrong("kill the judge", "import os, signal\ndef f(x): os.kill(os.getppid(), signal.SIGKILL)", "failed"),
    wrong("kill everyone", "import os, signal\ndef f(x): os.kill(-1, signal.SIGKILL)", "error"),
    wrong("interrupt the judge", "import os, signal\ndef f(x): os.kill(1, signal.SIGINT)", "failed"),
    wrong("stop the judge", "import os, signal\ndef f(x): os.kill(1, signal.SIGSTOP)", "failed"),
    wrong(
        "every signal to the first process",
        "import os\ndef f(x):\n    for s in range(1, 65): os.kill(1, s)",
        "crashed",
    ),
    Program(
        "a daemon that stays",
        "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork(): time.sleep(600)\n"
        "    os._exit(0)\ndef f(x): return x * x\n",
        ("assert f(2) == 4",),
        "passed",
    ),
    Program(
        "threads that linger",
        "import threading, time\n"
        "for _ in range(3): threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "def f(x): return x * x\n",
        ("assert f(2) == 4",),
        "passed",
    ),
]

ATTEMPTS = [
    attempt("write outside", "open('OUTSIDE/written', 'w').write('x')"),
    attempt(
        "write through a symbolic link", "import os\nos.symlink('OUTSIDE', 'link')\nopen('link/linked', 'w').write('x')"
    ),
    attempt("remove outside", "import os\nos.remove('OUTSIDE/kept')"),
    attempt("change rights outside", "import os\nos.chmod('OUTSIDE/kept', 0o777)"),
    attempt("link a file in", "import os\nos.link('/etc/passwd', 'mine')"),
    attempt("read the passwords", "open('/etc/shadow').read()"),
    attempt("read the users", "open('/etc/passwd').read()"),
    attempt("read the repository", "open('REPOSITORY/pyproject.toml').read()"),
    attempt("climb out of the folder", "open('../../../../../../etc/hostname').read()"),
    attempt("read homes", "import os\nos.listdir('/home')"),
    attempt("read a temporary folder", "import os\nos.listdir('OUTSIDE')"),
    attempt("write to the standard library", "import os\nopen(os.__file__, 'a').write('#')"),
    attempt("change rights of Python", "import os, sys\nos.chmod(sys.base_prefix, 0o777)"),
    attempt("write to the harness", "import inside.judge as j\nopen(j.__file__, 'a').write('#')"),
    attempt("the parent's environment", "import os\nos.environ['SARTOR_TEST_SECRET']"),
    attempt("the environment in /proc", "open('/proc/PID/environ').read()"),
    attempt("its parent's environment in /proc", "import os\nopen(f'/proc/{os.getppid()}/environ').read()"),
    attempt("the judge's memory in /proc", "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)"),
    attempt("settings of the kernel", "open('/proc/sys/kernel/core_pattern', 'w').write('|/bin/false')"),
    attempt("change rights of its own output", "import os\nos.fchmod(2, 0o666)"),
    attempt("devices", "import os\nos.listdir('/dev/shm')"),
    attempt(
        "make a device",
        "import os, stat\nos.mknod('disk', 0o666 | stat.S_IFBLK, os.makedev(254, 0))\nopen('disk', 'rb')",
    ),
    attempt("connect to this machine", "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1)"),
    attempt("connect to the internet", "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)"),
    attempt("send a datagram", "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))"),
    attempt("look a name up", "import socket\nsocket.getaddrinfo('example.com', 80)"),
    attempt("connect to an abstract socket", "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0NAME')"),
    attempt("signal the process outside", "import os\nos.kill(PID, 0)"),
    attempt("posix.system", "import posix\nassert posix.system('touch OUTSIDE/system') == 0"),
    attempt("a shell", "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'true'], check=True)"),
    attempt("ctypes to system", LIBC + "assert libc.system(b'touch OUTSIDE/ctypes') == 0"),
    attempt("ptrace the judge", "import os\n" + LIBC + "assert libc.ptrace(16, os.getppid(), 0, 0) == 0"),
    attempt(
        "read the judge's memory",
        "import os\n"
        + LIBC
        + "assert libc.process_vm_readv(os.getppid(), (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8),"
        " 1, (ctypes.c_size_t * 2)(0x400000, 8), 1, 0) > 0",
    ),
    attempt(
        "take the judge's descriptor",
        "import os\n" + LIBC + "pidfd = libc.syscall(434, os.getppid(), 0)\nassert pidfd >= 0\n"
        "assert any(libc.syscall(438, pidfd, n, 0) >= 0 for n in range(64))",
    ),
    attempt("become root", "import os\nos.setuid(0)"),
    attempt("become the first user", "import os\nos.setresuid(1000, 1000, 1000)"),
    attempt("raise its limits", "import resource as r\nr.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))"),
    attempt("raise its processes", "import resource as r\nr.setrlimit(r.RLIMIT_NPROC, (10**6, 10**6))"),
    attempt("its own priority", "import os\nos.nice(-10)"),
    attempt("mount", LIBC + "assert libc.mount(b'none', b'/sandboxed', b'tmpfs', 0, None) == 0"),
    attempt("unmount", LIBC + "assert libc.umount2(b'/sandboxed', 2) == 0"),
    attempt("another root", "import os\nos.chroot('.')"),
    attempt("the host's name", "import socket\nsocket.sethostname('mine')"),
    attempt("a kernel module", LIBC + "assert libc.syscall(175, b'', 0, b'') == 0"),
    attempt(
        "a namespace of its own",
        LIBC + "libc.unshare(0x10020000)\nlibc.mount(b'none', b'/proc', b'proc', 0, None)\nopen('OUTSIDE/kept').read()",
    ),
    attempt("a file too big", "open('big', 'wb').write(bytes(64 << 20))"),
    attempt("too many files", "for n in range(32): open(f'{n}', 'wb').write(bytes(4 << 20))"),
    attempt("too many descriptors", "files = [open('one', 'w') for _ in range(200)]"),
    attempt(
        "memory in files without names",
        "import os\nfor n in range(100):\n    fd = os.memfd_create('m')\n"
        "    os.write(fd, bytes(8 << 20))\n    os.write(fd, b'x')",
    ),
    attempt(
        "the nonce among all objects",
        "import gc, re\n"
        "found = [o for o in gc.get_objects() if type(o) is dict and re.fullmatch('[0-9a-f]{32}', str(o.get('nonce')))]\n"
        "assert found",
    ),
    attempt(
        "the tests among the frames",
        "import sys\nframe = sys._getframe()\nwhile frame:\n"
        "    if 'refused()' in str(frame.f_locals): break\n    frame = frame.f_back\n"
        "assert frame",
    ),
    attempt(
        "the tests among the callers",
        "import inspect\nassert any('tests' in f.frame.f_locals for f in inspect.stack())",
    ),
    attempt(
        "a secret among the arguments", "import re, sys\nassert re.search('[0-9a-f]{32}', ' '.join(sys.orig_argv))"
    ),
    attempt("the job on standard input", "import os\nassert os.read(0, 10)"),
]
