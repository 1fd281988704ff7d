import time
from hypothesis import given, settings, strategies as st
@given(st.integers())
def test_a(n):
    time.sleep(0.25) if n == 5 or n == 0 else None
