from agents.backend import load
from agents.linux.machine import memory_available


def test_available_memory_is_read_in_bytes():
    assert memory_available("MemTotal: 100 kB\nMemAvailable:    2048 kB\nBuffers: 3 kB\n") == 2048 * 1024


def test_kernel_that_does_not_say_has_none():
    assert memory_available("") == 0


def test_the_backend_tells_of_this_machine():
    machine = load()
    assert machine.load() >= 0 and machine.memory_available_bytes() > 0
