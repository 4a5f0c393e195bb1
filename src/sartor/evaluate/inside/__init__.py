"""What runs inside the sandbox: standard library only, and nothing of Sartor but this folder is visible there.

judge (pid 1: runs the tests, alone holds the way out)  <── plain values ──>  worker (runs the program)
"""
