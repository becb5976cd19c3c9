# Runs program.py and then tests.py in a child process; tells the outcome, after the nonce, on standard output.
import os
import sys


def run(code, word, answer):
    """The child: loads the answer, asks for the tests, runs them, sends what it got with them."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # Bound before the answer can put others in their place.
    write, leave, translate, execute = os.write, os._exit, compile, exec
    pipe = os.fdopen(answer, "rb")
    space = {"__name__": "__main__"}
    try:
        execute(translate(code, "program.py", "exec"), space)
        write(word, b"loaded\n")
        token, tests = pipe.read().split(b"\n", 1)
        execute(translate(tests, "tests.py", "exec"), space)
    except BaseException as error:
        said = (type(error).__name__ + ": " + str(error))[:300].replace("\n", " ")
        write(word, b"fail " + said.encode("utf-8", "replace") + b"\n")
        leave(1)
    write(word, token + b"\n")
    leave(0)


def main():
    with open("program.py", encoding="utf-8") as file:
        code = file.read()
    with open("tests.py", "rb") as file:
        tests = file.read()
    os.unlink("tests.py")
    heard, word = os.pipe()
    answer, give = os.pipe()
    child = os.fork()
    if child == 0:
        del tests
        os.close(heard)
        os.close(give)
        run(code, word, answer)
    os.close(word)
    os.close(answer)
    nonce = sys.stdin.readline().strip()
    token = os.urandom(16).hex().encode()
    with os.fdopen(heard, "rb") as said, os.fdopen(give, "wb") as tell:
        last = said.readline().strip()
        if last == b"loaded":
            try:
                tell.write(token + b"\n" + tests)
                tell.close()
            except OSError:
                pass
            last = said.readline().strip()
    passed = last == token
    if not passed and not last.startswith(b"fail "):
        # What ended the child is what ends this process, so that a limit keeps its name.
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        return 1
    text = "pass" if passed else last.decode("utf-8", "replace")
    print("\n" + nonce + " " + text, flush=True)
    return 0 if passed else 1


os._exit(main())
