"""The notebooks as a course: hand them out, let students check themselves, grade what comes back.

From a command down to the sandbox, each module using only those below it:

    check       `make check`: the visible tests, on the notebooks of this folder
    grade       `make autograde`, `make grades` and the commands that rename and remove a student
    release     `make assignment`: the students' copy
    gradebook   marks, backups, grades.csv, feedback
    hand_ins    which file is whose, as folders and as Canvas and Moodle export them
    cells       the exercises of a notebook, and how to read a file that someone sent in
    execution   runs a notebook in two kernels, the student's and the one for the tests
    sandbox     a kernel that sees nothing of the teacher's
    folders     where everything stands
    inside/     the two files that run in the kernels themselves
"""
